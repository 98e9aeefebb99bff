// Package quart is a micro-framework over fasthttp: to Go what Quart is to Flask. It gives up net/http's types for
// throughput, and in return allocates nothing of its own on any hot path.
//
// Five nouns make up the package:
//
//   - App: routes, middleware, error handlers, and the server.
//   - Group: a part of an App that can be mounted anywhere, once or more. (Flask: a blueprint.)
//   - Route: one handler with its pattern, name and limits.
//   - Ctx: one request and its response.
//   - Handler: func(*Ctx) error, and Middleware around it. Typed handlers (Get, Post, ...) compile to it.
//
// # Lifetimes
//
// A string is yours for ever; a []byte is borrowed until the handler returns, from a Socket until the next Read. A *Ctx is valid until the handler returns; what goes on
// after that (a goroutine, the function of Stream, SSE and Upgrade) reads what it needs into variables first. Ctx.Context lives until the response is
// complete, or the client has left.
// The build tag quartdebug turns a use after that into a panic that says where the Ctx was acquired.
//
// # A tour
//
//	app := quart.New(quart.Config{})
//	app.Use(middleware.RequestID(middleware.RequestIDConfig{}))
//
//	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "hello") })
//	app.Get("/film/{id:int}", showFilm).Name("film")
//
//	api := quart.NewGroup(auth)
//	quart.Post(api, "/reviews", func(c *quart.Ctx, in Review) (Review, error) {
//		return in, store(c.Context(), in)
//	})
//	app.Mount("/v1", api)
//
//	app.SSE("/clock", func(s *quart.EventStream) error {
//		for t := range s.Tick(time.Second) { // until the client leaves, or the app stops
//			s.Send(quart.Event{Data: t.String()})
//		}
//		return nil
//	})
//	app.WebSocket("/echo", func(ws *quart.Socket) error {
//		for m, err := range ws.Messages() {
//			if err != nil {
//				return err
//			}
//			ws.Write(m)
//		}
//		return nil
//	})
//	app.Static("/static", os.DirFS("public"))
//
//	app.OnStatus(404, func(c *quart.Ctx, err error) error { return c.Render(404, &NotFound{}) })
//	url := app.URL("film", "id", 995) // "/film/995"
//	app.Run(":8080") // until SIGTERM; then it finishes what is under way
//
// # Limits
//
// Config's zero value is safe to expose: a request head of 16 KiB and 100 fields (431), 1 MiB of body (413), 1,000 form fields and
// parts (413), 1,000 query arguments and 64 levels of JSON (400), 5 s for a head, 60 s for a body and
// 30 s for each read of it (408), 10 s for each write, 30 s between
// requests, 20,000 connections (503), 1 MiB for a message of a websocket (1009), whose page must be of the same origin (403). Malformed heads that are known to smuggle requests are answered 400 and the connection is closed.
package quart
