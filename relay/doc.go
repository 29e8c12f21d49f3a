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
// /ws is for people: who is there, who rings whom. A call is a room of two, whose
// files exist while it runs.
//
// # Where to look
//
//	names.go     which paths are streams
//	gate.go      who may do what with a path: calls' rooms
//	control.go   the control socket, and what its messages lead to
//	session.go   one control connection: limits, its outbox, reports
//	calls/       the calls themselves, without any network
//	publish.go   appending by WebSocket
//	body.go      appending by PUT and POST
//	play.go      GET and HEAD: headers, waiting, ranges
//	convert.go   what else GET may ask for: ?tracks=audio
//	still.go     the newest picture alone: .jpg
//	listen.go    the loop that feeds one listener
//	door.go      three ways to write a body: hijacked TCP, hijacked TLS, Flush
//	pad.go       alignment to the blocks in which media elements read
//	live.go      /live, the list of streams as a page
//	api.go       /api/: that list as JSON, QR codes
//	refuse.go    every refusal: status or close code, and one sentence
//	socket.go    the only file that knows the WebSocket library
package relay
