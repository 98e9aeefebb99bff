package main

import (
	_ "embed"
	"strings"
	"sync/atomic"

	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
	"github.com/goquart/quart/openapi"
)

// server is what the handlers share.
type server struct {
	gone atomic.Int64 // slow handlers whose client left
	hub  *hub.Hub
}

// newApp routes everything. www is the directory of /static/, "" for one of its own.
func newApp(cfg quart.Config, www string) *quart.App {
	app := quart.New(cfg)
	s := &server{hub: hub.New(hub.Config{})}
	app.WhileServing(s.hub.Serve)

	app.Get("/json", jsonMessage).Returns(200, message{}).Doc(quart.Doc{Summary: "A greeting"})
	app.Get("/users/{user}", user).Returns(200, "").Doc(quart.Doc{Summary: "The name of a user"})
	app.Get("/repos/{owner}/{repo}/issues/{number}", issue).Returns(200, issueRef{}).Doc(quart.Doc{Summary: "Where an issue is"})
	quart.Post(app, "/bind", bind).Doc(quart.Doc{Summary: "Check a person"})
	openapi.Serve(app, openapi.Config{Title: "Contract", Version: "1.0.0"})

	hide(
		app.Get("/plaintext", plaintext),
		app.Post("/plaintext", plaintext),
		app.Get("/p5/{a}/{b}/{c}/{d}/{e}", fifth),
		app.Get("/mw", plaintext).Use(noop, noop, noop, noop, noop),
		app.Get("/fortunes", fortunes),

		app.Post("/echo", echo),
		app.Post("/upload", upload).BodyLimit(-1),

		app.Get("/panic", func(*quart.Ctx) error { panic("boom-secret-detail") }),
		app.Get("/slow", s.slow),
		app.Get("/gone", s.showGone),
		app.Get("/redirect", redirect),
		app.Get("/header", header),

		app.Static("/static", files(www)),
		app.Get("/stream", stream),
		app.Get("/fail", fail),
		app.Get("/trailers", trailers),
		app.Get("/hints", hints),
		app.Get("/style.css", func(c *quart.Ctx) error {
			return c.Bytes(200, "text/css; charset=utf-8", []byte("p { color: teal }\n"))
		}),
		app.Get("/sse", sse),

		app.Get("/ws", func(c *quart.Ctx) error { return c.Upgrade(large, echoSocket) }),
		app.WebSocket("/ws/limit", echoSocket),
		app.WebSocket("/ws/broadcast", s.hub.Topic("broadcast").Relay),
		app.Get("/topic/{name}", s.follow),
		app.Post("/topic/{name}", s.publish),

		app.Post("/form", notYet),
	)
	for _, pattern := range []string{"/session/set", "/session/get", "/form", "/debug/dashboard"} {
		hide(app.Get(pattern, notYet))
	}
	addGitHub(app)
	return app
}

// hide leaves routes out of the OpenAPI document, which is of those with types.
func hide(routes ...*quart.Route) {
	for _, r := range routes {
		r.Doc(quart.Doc{Hidden: true})
	}
}

// notYet answers for parts of quart that are still to come.
func notYet(c *quart.Ctx) error {
	return quart.Errorf(501, "quart cannot do this yet")
}

//go:embed data/github-routes.txt
var gitHubRoutes string

// addGitHub registers the table's routes, but for those that answer in their own way.
func addGitHub(app *quart.App) {
	for line := range strings.Lines(gitHubRoutes) {
		methods, pattern, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		for method := range strings.SplitSeq(methods, ",") {
			if method == "GET" && (pattern == "/users/{user}" || pattern == "/repos/{owner}/{repo}/issues/{number}") {
				continue
			}
			hide(app.Handle(method, pattern, nothing))
		}
	}
}

// nothing answers 200 without a body.
func nothing(*quart.Ctx) error { return nil }

// noop is a layer that does nothing but be there.
func noop(next quart.Handler) quart.Handler {
	return func(c *quart.Ctx) error { return next(c) }
}
