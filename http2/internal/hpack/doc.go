// Package hpack is HPACK, the compression of header fields in HTTP/2 (RFC 7541): bytes in, fields out, and the other way. It does no I/O and
// starts nothing.
//
// A [Decoder] and an [Encoder] belong to one connection each. Blocks have to pass them in the order in which they cross the connection, all of
// them and each once: both sides keep a table of recent fields, and one block left out puts them out of step for good.
//
//	dec.Init(4096)
//	err := dec.Decode(block, func(name, value []byte, sensitive bool) error {
//		... // name and value are borrowed until the return
//		return nil
//	})
//
//	enc.Init(4096)
//	block = enc.Begin(block[:0])
//	block = enc.AppendStatus(block, 200)
//	block = enc.AppendResponse(block, []byte("Content-Type"), []byte("text/html"))
//
// Both allocate nothing once their tables have grown to what the connection uses, and hold nothing before they have seen a field worth
// keeping. Work is linear in what arrives, except that an indexed field of one byte makes a call with up to the whole table's bytes: the
// function called bounds the sum, and ends the calls by an error.
package hpack
