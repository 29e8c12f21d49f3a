package relay

import (
	"errors"
	"net/http"

	"everfile/stream"
)

// parseConversion reads how a listener wants a stream other than it was published.
func parseConversion(r *http.Request) (o stream.ConvertOptions, err error) {
	q := r.URL.Query()
	for _, v := range q["tracks"] {
		if v != "audio" {
			return o, refuse(http.StatusBadRequest, "tracks says which of a stream's tracks you want, and knows only audio, as in ?tracks=audio; got %.20q.", v)
		}
		o.Audio = true
	}
	for _, name := range []string{"rate", "channels", "bits"} {
		if q.Has(name) {
			return o, refuse(http.StatusNotAcceptable, "Samples are not converted here yet: ask without ?%s= and get them as they were published.", name)
		}
	}
	return o, nil
}

// converted returns a stream as it is wanted, and what to call when somebody
// listens to it or nobody will.
func converted(st *stream.Stream, o stream.ConvertOptions) (*stream.Stream, func(), error) {
	to, release, err := st.Convert(o)
	if errors.Is(err, stream.ErrNoAudio) {
		err = refuse(http.StatusNotAcceptable, "This stream has no sound.")
	}
	return to, release, err
}
