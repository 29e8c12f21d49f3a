package streamtest

import (
	"encoding/binary"
	"time"
)

// Media is a recorder's file in which every frame says which it is, and every
// byte follows from that.
type Media struct {
	Run    int
	Header []byte
	Frames []MediaFrame

	wav      bool
	pictures bool // every second frame is one
}

// MediaFrame is one frame of a [Media].
type MediaFrame struct {
	Video bool
	Key   bool
	Time  time.Duration // by the file's own clock
	Data  []byte        // the codec's bytes
	Bytes []byte        // what stands in the file for it
}

// MediaOptions say what a [Media] is like.
type MediaOptions struct {
	WAV    bool // 8 kHz of 32 bit; else WebM
	Video  bool // WebM: every second frame is a picture
	Run    int  // which life of a recorder it is, from 1; below 1000
	Frames int
	Size   int  // of a frame's data; WAV's follow from the 10 ms that they last
	Every  int  // WebM: a cluster, and a keyframe, begins every so many frames; 0: only the first
	Sized  bool // WAV: the file says how long it is, and ends within 10 ms

	Jump   int           // WebM: before this frame the recorder's clock jumps; 0: never
	JumpBy time.Duration // ahead, or back
}

// frameTime is how long a frame lasts.
const frameTime = 10 * time.Millisecond

// NewMedia makes such a file.
func NewMedia(o MediaOptions) *Media {
	if o.WAV {
		return newWAV(o)
	}
	return newWebM(o)
}

// Bytes returns the file.
func (m *Media) Bytes() []byte {
	b := append([]byte(nil), m.Header...)
	for _, f := range m.Frames {
		b = append(b, f.Bytes...)
	}
	return b
}

// Whole returns how many frames are whole in the file's first n bytes.
func (m *Media) Whole(n int) int {
	n -= len(m.Header)
	for i, f := range m.Frames {
		if n -= len(f.Bytes); n < 0 {
			return i
		}
	}
	return len(m.Frames)
}

// Recorded returns how long it takes to record the first n frames.
func (m *Media) Recorded(n int) time.Duration {
	if m.pictures {
		n = (n + 1) / 2
	}
	return time.Duration(n) * frameTime
}

// Samples of a WAV file, each of which holds its run and its number.
const (
	wavRate  = 8000
	wavUnit  = wavRate / 100 // samples of a frame
	wavShift = 20            // the run's place in a sample
)

func newWAV(o MediaOptions) *Media {
	m := &Media{Run: o.Run, wav: true}
	last, size := wavUnit, uint32(0xFFFFFFFF)
	if o.Sized {
		last = wavUnit / 3
		size = uint32(4 * ((o.Frames-1)*wavUnit + last))
	}
	le := binary.LittleEndian
	h := append([]byte(nil), "RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"...)
	h = le.AppendUint32(h, wavRate)
	h = le.AppendUint32(h, 4*wavRate)
	h = append(h, 4, 0, 32, 0)
	m.Header = le.AppendUint32(append(h, "data"...), size)
	for i := range o.Frames {
		n := wavUnit
		if i == o.Frames-1 {
			n = last
		}
		var b []byte
		for s := range n {
			b = le.AppendUint32(b, uint32(o.Run<<wavShift|i*wavUnit+s))
		}
		m.Frames = append(m.Frames, MediaFrame{Key: true, Time: time.Duration(i) * frameTime, Data: b, Bytes: b})
	}
	return m
}

// The elements of WebM that are written here or read again.
const (
	ebmlHeader   = 0x1A45DFA3
	ebmlSegment  = 0x18538067
	ebmlInfo     = 0x1549A966
	ebmlTracks   = 0x1654AE6B
	ebmlCluster  = 0x1F43B675
	ebmlTime     = 0xE7
	ebmlBlock    = 0xA3
	ebmlVoid     = 0xEC
	ebmlDocType  = 0x4282
	ebmlEntry    = 0xAE
	ebmlNumber   = 0xD7
	ebmlType     = 0x83
	ebmlCodec    = 0x86
	unknownMark  = 0xFF // a size of one byte that says nothing
	opus10ms     = 30 << 3
	soundTrack   = 1
	pictureTrack = 2
)

func newWebM(o MediaOptions) *Media {
	m := &Media{Run: o.Run, pictures: o.Video}
	tracks := element(ebmlEntry, element(ebmlNumber, []byte{soundTrack}), element(ebmlType, []byte{2}), element(ebmlCodec, []byte("A_OPUS")))
	if o.Video {
		tracks = append(tracks, element(ebmlEntry, element(ebmlNumber, []byte{pictureTrack}), element(ebmlType, []byte{1}), element(ebmlCodec, []byte("V_VP8")))...)
	}
	m.Header = element(ebmlHeader, element(ebmlDocType, []byte("webm")))
	m.Header = append(ebmlID(m.Header, ebmlSegment), unknownMark)
	m.Header = append(m.Header, element(ebmlTracks, tracks)...)
	clock := max(0, -o.JumpBy)
	var began time.Duration
	for i := range o.Frames {
		if o.Jump > 0 && i == o.Jump {
			clock += o.JumpBy
		}
		f := MediaFrame{Key: true, Time: clock + time.Duration(i)*frameTime}
		opens := i == 0 || o.Every > 0 && i%(2*o.Every) == 0
		if o.Video {
			f.Time = clock + time.Duration(i/2)*frameTime // a picture, and the sound with it
			f.Video = i%2 == 0
			f.Key = !f.Video || opens
		}
		opens = opens || i == o.Jump
		f.Data = frameData(o.Run, i, o.Size, f.Video)
		if opens {
			began = f.Time
			f.Bytes = append(ebmlID(nil, ebmlCluster), unknownMark)
			f.Bytes = append(f.Bytes, element(ebmlTime, binary.BigEndian.AppendUint32(nil, uint32(began.Milliseconds())))...)
		}
		f.Bytes = append(f.Bytes, element(ebmlBlock, blockHead(f, f.Time-began), f.Data)...)
		m.Frames = append(m.Frames, f)
	}
	return m
}

func blockHead(f MediaFrame, rel time.Duration) []byte {
	track, flags := byte(soundTrack), byte(0)
	if f.Video {
		track = pictureTrack
	}
	if f.Key {
		flags = 0x80
	}
	return append(binary.BigEndian.AppendUint16([]byte{0x80 | track}, uint16(rel.Milliseconds())), flags)
}

// numberAt is where a frame's run and number stand; before it is what looks like
// Opus.
const numberAt = 1

// frameData is what a frame of WebM holds: its run, its number, and what nobody
// else's holds.
func frameData(run, n, size int, video bool) []byte {
	b := []byte{opus10ms}
	if video {
		b[0] = 0
	}
	b = binary.BigEndian.AppendUint16(b, uint16(run))
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	for i := len(b); i < size; i++ {
		b = append(b, byte(run*31+n*7+i*i))
	}
	return b
}

// element is one with a size of four bytes.
func element(id uint32, data ...[]byte) []byte {
	n := 0
	for _, d := range data {
		n += len(d)
	}
	b := binary.BigEndian.AppendUint32(ebmlID(nil, id), 1<<28|uint32(n))
	for _, d := range data {
		b = append(b, d...)
	}
	return b
}

func ebmlID(b []byte, id uint32) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		if id>>shift > 0 {
			b = append(b, byte(id>>shift))
		}
	}
	return b
}
