// Package http2 serves HTTP/2 (RFC 9113) for a fasthttp handler: over TLS beside HTTP/1.1 on one port, and on cleartext by prior knowledge or Upgrade.
//
//	srv := &http2.Server{Handler: handler}
//	fast := &fasthttp.Server{Handler: handler}
//	srv.Configure(fast)
//	fast.ListenAndServeTLS(":8443", "cert.pem", "key.pem")
//
// A handler sees a RequestCtx as ever. [StreamOf] returns the stream behind it, for what HTTP/1 has not: early hints and pushes, the moment
// when the client gives up, extended CONNECT (RFC 8441).
//
// # Bounds
//
// What one client can make the server hold or do is bounded by [Config]: streams, header fields, windows, bytes of responses that wait for the client, frames that carry nothing, streams that are
// reset. A client over a bound is answered, refused, or cut off by GOAWAY, as fits.
//
// # Cost
//
// 0 allocations of its own for a request whose response is buffered, with a body or without.
package http2
