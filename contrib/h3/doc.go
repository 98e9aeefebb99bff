// Package h3 serves a quart app over HTTP/3 (RFC 9114), by quic-go:
//
//	app := quart.New(quart.Config{TLS: tlsConfig})
//	if _, err := h3.Mount(app, h3.Config{Addr: ":443", TLS: tlsConfig}); err != nil {
//		log.Fatal(err)
//	}
//	app.Run(":443")
//
// The same handlers, layers, streams and event streams answer on TCP and on UDP. Mount opens the UDP socket when the app starts,
// announces it to the clients of the other protocols (Alt-Svc, RFC 7838), without which no browser finds it, and sends GOAWAY and closes when the
// app stops. New, Serve and AltSvc are its parts, for programs that bring their own socket.
//
// # What it costs
//
// quic-go speaks net/http, and every packet is encrypted and acknowledged in the process: a request costs three to four times the CPU of one over
// HTTP/1.1 and TLS, and some 110 allocations where quart has none (README.md has the figures). It is for clients on networks that lose
// packets or change addresses, not for throughput.
//
// # What is the same
//
// Limits of bodies (413), of heads (16 KiB and 100 fields, 431), times of bodies (408) and writes, trailers both ways, HEAD, 103 Early Hints, 100-continue,
// panics (500). Ctx.Scheme is "https", Ctx.Protocol "HTTP/3.0", and Ctx.RemoteIP the client's. c.Context() ends when the client resets its stream or
// its connection is lost.
//
// # What differs
//
//   - Websockets, Hijack and CONNECT are answered 501: browsers open websockets over HTTP/1.1 or HTTP/2.
//   - A GET or HEAD without Content-Length has no body here; QUIC would tell only at the end of the stream.
//   - The context of a stream (StreamWriter.Context, EventStream.Context) does not notice a client that left; the next write does, and it ends the
//     stream. Event streams send no comments of their own; QUIC's keep-alive stands in for them.
//   - App.Stats, Config.MaxConnsPerIP and the times of the app's Config do not reach here: Config has its own.
//   - While the app stops, contexts of requests over HTTP/3 are cut when the app's own connections are idle, before the end of the grace.
//   - No 0-RTT (its requests can be replayed), no server push (quic-go has none), no datagrams.
package h3
