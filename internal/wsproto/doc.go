// Package wsproto is the server's side of the websocket protocol, RFC 6455 with
// permessage-deflate of RFC 7692: bytes in, messages out, and the encoding of what
// goes the other way. It does no I/O, starts nothing, and knows no sockets.
//
// A [Decoder] belongs to one client. Its user reads from the connection into
// [Decoder.Space], tells it with [Decoder.Added] how much came, and calls
// [Decoder.Next] until that has no more:
//
//	for {
//		n, err := conn.Read(d.Space())
//		d.Added(n)
//		for {
//			ev, err := d.Next()
//			if err != nil { ... } // *Error: send its close code
//			if ev.Kind == wsproto.None {
//				break
//			}
//			... // ev.Data is borrowed
//		}
//		d.Shrink() // nothing is held during the next wait
//	}
//
// A message that came in one frame is delivered where it was read: it is unmasked
// in place and never copied. Memory follows what has arrived, never what a frame
// declares. Work is linear in the bytes that arrived, however they are cut into
// frames and reads; fragments without payload are as cheap as messages without it
// and occupy nothing, so there is no limit to their number.
//
// Encoders append to the caller's buffer. A message without context can be encoded
// once, by [AppendFrame] or [AppendDeflated], and sent to many.
package wsproto
