// Package stream is the endless file: it cuts what a recorder sends into parts,
// keeps the newest of them in a bounded log, and lets any number of listeners
// read that log from a point where a decoder can start.
//
// # The path of a byte
//
// A [Publisher] is given chunks, cut anywhere. The [Parser] of the chunk's
// container finds the codec frames in them; the [Muxer] of the same container
// writes each frame again, with a timestamp that continues over every run of
// the recorder, so that all listeners get the same bytes. The result is a
// [Part], which is appended to the log of a [Stream]. A [Listener] is a cursor
// in that log; nothing is copied for it.
//
//	Publisher.Write → Parser → Muxer → Stream → N × Listener.Next
//
// Who wants a stream other than it was published listens to another one, which
// is made of it: [Stream.Convert]. One conversion, however many want it, reads the
// log as a listener does and writes a log of its own.
//
//	Stream → converter → Muxer → Stream → N × Listener.Next
//
// What a stream can be made into stands in one table, which [Stream.Playables] reads.
// Opus and AAC are put into other containers as they are, packet by packet; times
// are those of WebM then, which count the samples that a decoder throws away first.
// The sampler decodes sound, keeps its samples to the timestamps, mixes, resamples
// and rounds them:
//
//	decoder → place → remix → resampler → cut
//
// A room is what is published under ROOM/. [Hub.Mix] listens to all of it, in samples
// of one rate, and writes a log of its own by the server's clock: each stream is a
// voice, which keeps a little of what has come and is kept in time with that clock,
// and the mixer sums the loudest of them.
//
//	N × Stream → converter → Stream → voice → mixer → Muxer → Stream → N × Listener.Next
//
// # Words
//
// A registered name has up to two sources, its media and pictures (MJPEG) beside it.
// Each of them is an [Entry] of its own, which outlives its streams; who asks for the
// name is given the one that can be played as he wants it: [Hub.OpenAs]. A run is one
// life of a recorder: it begins with a container header, and a new run with the same
// tracks and codecs continues the file without a seam. A join is a part at which
// a decoder can start: a keyframe of the first video track, or any audio frame
// where there is no video.
//
// # Containers
//
// WebM (RFC 8794, RFC 9559) is cut at blocks, never at clusters, since a
// recorder's cluster may last as long as the recording. Without video every
// block becomes a small cluster of known size; with video a cluster of unknown
// size begins at every keyframe of the first video track, and wherever a block's
// timestamp would not fit into 16 bits relative to its cluster's. The header is
// ours: a Segment of unknown size, no Duration, no SeekHead, no Cues, and a
// DefaultDuration in every video track, without which one browser engine spends
// more than a second guessing the frame rate.
//
// Ogg (RFC 3533) with Opus (RFC 7845), Vorbis or FLAC is cut at packets, and a
// listener gets each in pages of its own, whatever page it came in. Granule positions
// are stream time, and page numbers go on, over all runs: who joins late gets the
// pages that begin every stream and then those of now. The header is the recorder's
// but for comments and for how much sound there will be.
//
// MP4 (ISO 14496-12) must be fragmented, for only then can it grow. It is cut at
// samples, those of all tracks in the order in which they are decoded, and each is
// written as a fragment of its own, with a decode time of 64 bits that continues over
// every run: about 110 bytes more for each sample, and nothing ever waits for the
// next. The header is ours but for the sample entries; it has no durations and no
// edit lists: what a recorder's takes off is taken off all times instead.
//
// WAV (RIFF and RF64, integer and float samples) is cut every 10 ms of samples;
// a listener gets a fresh header that promises no end, and the last half second
// in its first write, because media elements do not start on less.
//
// MP3 (MPEG 1, 2 and 2.5, layer III) and AAC in ADTS (ISO 13818-7) are nothing but
// frames. Each is a part, and a join. Tags and what encoders tell in a first frame
// are left out, and so is some rubbish between frames. An MP3's frame may need
// bytes of those before it, so that the first two after a join may be silent.
//
// FLAC (RFC 9639) is cut at its frames, which are known to be whole only when the
// next one begins: listeners are so much later. They get a STREAMINFO block and
// frames with numbers that go on over every run.
//
// These and WAV carry no timestamps: a listener's first byte is its time 0.
//
// MJPEG is JPEG pictures (ITU-T T.81) one after the other, with anything between
// them up to 64 KiB, so that a multipart/x-mixed-replace body is read like the mere
// pictures of a WebSocket or a pipe. Each picture is a part, a join and a keyframe.
// They carry no time: theirs is the server's clock when they come. A listener gets
// multipart/x-mixed-replace, which an img element shows moving, and right behind each
// picture the boundary and the headers of the next, because one engine shows it when
// it has seen those; or the newest picture alone. Of VP8 (RFC 6386), keyframes can be
// had as such pictures.
//
// The package knows no network: no HTTP, no WebSocket, no JSON. It starts a
// goroutine for each conversion and each mix that somebody listens to, and no other; the timers
// that it needs (grace, fillers, batching) are time.AfterFunc. Both end with what
// they watch, at the latest by [Hub.Close].
package stream
