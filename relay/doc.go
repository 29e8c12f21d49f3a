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
// # Where to look
//
//	names.go     which paths are streams
//	publish.go   appending: WebSocket, PUT, POST
//	play.go      GET and HEAD: headers, waiting, ranges
//	listen.go    the loop that feeds one listener
//	door.go      three ways to write a body: hijacked TCP, hijacked TLS, Flush
//	pad.go       alignment to the blocks in which media elements read
//	refuse.go    every refusal: status or close code, and one sentence
//	socket.go    the only file that knows the WebSocket library
package relay
