package stream

import (
	"errors"
	"math"
	"time"
)

func (p *webmParser) ebmlHeader(data []byte) (Part, error) {
	doc, ok := "", true
	whole := children(data, func(id uint64, data, _ []byte) bool {
		switch id {
		case idDocType:
			doc = string(data)
		case idEBMLMaxID:
			v := ebmlUint(data)
			ok = ok && v >= 4 && v <= 8
			p.maxID = int(v)
		case idEBMLMaxSize:
			v := ebmlUint(data)
			ok = ok && v >= 1 && v <= 8
			p.maxSize = int(v)
		}
		return ok
	})
	if !whole {
		return Part{}, p.fail(ErrSyntax, "the EBML header is damaged, or asks for IDs or sizes longer than 8 bytes")
	}
	if doc != "webm" && doc != "matroska" {
		return Part{}, p.fail(ErrSyntax, "expected DocType webm or matroska, got %.20q", doc)
	}
	return Part{}, nil
}

func (p *webmParser) info(data []byte) (Part, error) {
	if !children(data, func(id uint64, data, _ []byte) bool {
		if id == idTimestampScale {
			p.scale = int64(min(ebmlUint(data), math.MaxInt64))
		}
		return true
	}) {
		return Part{}, p.fail(ErrSyntax, "the Info element is damaged")
	}
	if p.scale <= 0 || p.scale > int64(time.Second) {
		return Part{}, p.fail(ErrSyntax, "a TimestampScale of %d ns; expected 1 to 1,000,000,000", p.scale)
	}
	return Part{}, nil
}

func (p *webmParser) tracksElement(data []byte) (Part, error) {
	h, numbers, err := readTracks(data)
	if err != nil {
		kind := ErrSyntax
		if errors.Is(err, ErrTooLarge) {
			kind = ErrTooLarge
		}
		return Part{}, p.fail(kind, "%v", err)
	}
	p.tracks = numbers
	return Part{Kind: Header, head: h}, nil
}

func (p *webmParser) timestamp(data []byte) (Part, error) {
	t := ebmlUint(data)
	if t > uint64(math.MaxInt64/4/p.scale) {
		return Part{}, p.fail(ErrSyntax, "a cluster's timestamp of %d ticks, beyond any clock", t)
	}
	p.clusterTime = int64(t)
	return Part{}, nil
}
