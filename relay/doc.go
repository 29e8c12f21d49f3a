// Package relay is the doors between a network and the streams of package
// stream: publishing by WebSocket, PUT and POST, playing by GET, and the code of
// the commands that talk to such a server.
//
// # A path is a stream
//
// /NAME.EXT and /ROOM/NAME.EXT are streams. A WebSocket upgrade, PUT and POST
// append to it; GET plays it from the newest point where a decoder can start,
// and then for ever; HEAD gives the headers of that; OPTIONS is CORS.
//
// /ROOM/mix.wav is the sum of what is published in a room, and nobody's to publish.
//
// Where WebSockets are missing or do not get through, event streams and POSTs do
// what they do, and the rest of the server does not notice.
//
// /ws is for people: who is there, who rings whom, who is in which room. A call is a
// room of two; its files, and those of a room of many, exist while it runs.
//
// # Where to look
//
//	names.go     which paths are streams
//	gate.go      who may do what with a path: calls' rooms
//	control.go   the control socket, and what its messages lead to
//	session.go   one control connection: limits, its outbox, reports
//	line.go      what it talks over: a WebSocket, or
//	events.go    an event stream for what the server says, and
//	saying.go    POSTs for what the other side says
//	calls/       the calls themselves, without any network
//	tutorials.go what sessions of pages of 2012 talk instead, and
//	compat/      what comes of that, without any network
//	publish.go   appending by WebSocket
//	base64.go    and by one that knows only text
//	posts.go     and by POSTs that follow each other, where there is none;
//	postquery.go what those ask for
//	body.go      appending by PUT and POST
//	form.go      the file in a form
//	icecast.go   Icecast's sources: SOURCE, and PUT until the connection closes
//	webcast.go   the sub-protocol webcast: hello, chunks, metadata
//	metadata.go  what publishers say of their streams, and how it is cleaned
//	play.go      GET and HEAD: headers, waiting, ranges
//	convert.go   what else GET may ask for: ?tracks=, ?rate= ...
//	mix.go       GET of /ROOM/mix.wav: a whole room in one file
//	still.go     the newest picture alone: .jpg
//	listen.go    the loop that feeds one listener
//	door.go      three ways to write a body: hijacked TCP, hijacked TLS, Flush
//	titles.go    titles between a body's bytes, for players that ask (Icy-MetaData)
//	pad.go       alignment to the blocks in which media elements read
//	live.go      /live, the list of streams as a page
//	api.go       /api/: that list as JSON, QR codes
//	refuse.go    every refusal: status or close code, and one sentence
//	socket.go    the only file that knows the WebSocket library
package relay
