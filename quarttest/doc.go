// Package quarttest tests an app the way its clients see it: [New] serves the app, hooks included, on an in-memory
// listener, and the requests of its [Client] go through the real parser, the real limits and the real wire format.
//
//	func TestGreeting(t *testing.T) {
//		cl := quarttest.New(t, newApp())
//		got := cl.Get("/hello/Ada").Want(200).Text()
//		if got != "hello Ada" {
//			t.Errorf("greeting %q", got)
//		}
//	}
//
// What goes wrong on the way ends the test with the request, the status and the body in its message, so a test needs no checks of its own
// for that. The client keeps cookies as a browser does and follows redirects only when asked, by [Request.Follow]. Input that no client would
// send goes through [Client.Raw] and [Client.Dial].
//
// [Client.SSE] opens a stream of server-sent events, whose [Stream.Next] waits for an event and [Stream.Close] leaves as a closed tab does.
// [Client.WebSocket] opens a websocket, of which [ReadText] and [ReadClose] wait for a message and for the end; [Client.Handshake] looks at a
// refusal. [Request.Start] abandons a plain request. The connections have no descriptor that could be watched, but the app notices at once,
// as over TCP, when the client has gone.
//
// The client speaks HTTP/1.1, or HTTP/2 with and without TLS where New is told so. [Protocols] runs a test over all three, with the same
// requests, streams and websockets:
//
//	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
//		quarttest.New(t, newApp(), p).Get("/hello/Ada").Want(200)
//	})
//
// Tests may run in parallel, each with an app and a client of its own, and a client may be used by several goroutines. It works in a
// bubble of testing/synctest, too, where a wait of a nanosecond lasts until all that can run has run.
//
// [NewCtx] makes a bare *quart.Ctx, for a function that takes one.
package quarttest
