package quarttest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

func protocolApp(t testing.TB) *quart.App {
	app := newApp(t)
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, c.Protocol()+" "+c.Scheme()) })
	return app
}

func TestProtocols(t *testing.T) {
	var names []string
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		names = append(names, t.Name())
		cl := quarttest.New(t, protocolApp(t), p)
		want := map[quarttest.Protocol]string{quarttest.HTTP1: "HTTP/1.1 http", quarttest.H2C: "HTTP/2.0 http", quarttest.HTTP2: "HTTP/2.0 https"}[p]
		if got := cl.Get("/").Want(200).Text(); got != want || cl.Protocol() != p {
			t.Errorf("%s: %q, want %q", p, got, want)
		}
		if got := cl.Raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); !strings.Contains(got, "\r\n\r\nHTTP/1.1 http") {
			t.Errorf("%s: raw answer %q", p, got)
		}
	})
	if got := strings.Join(names, " "); got != "TestProtocols/h1 TestProtocols/h2c TestProtocols/h2" {
		t.Errorf("subtests %s", got)
	}
}

func TestProtocolOfEnvironment(t *testing.T) {
	for name, want := range map[string]quarttest.Protocol{"": quarttest.HTTP1, "h1": quarttest.HTTP1, "h2c": quarttest.H2C, "h2": quarttest.HTTP2} {
		t.Setenv("QUARTTEST_PROTOCOL", name)
		if got := quarttest.New(t, protocolApp(t)).Protocol(); got != want {
			t.Errorf("%q is %s, want %s", name, got, want)
		}
		if got := quarttest.New(t, protocolApp(t), quarttest.HTTP1).Protocol(); got != quarttest.HTTP1 {
			t.Errorf("%q goes before what New was told: %s", name, got)
		}
	}
	t.Setenv("QUARTTEST_PROTOCOL", "h3")
	for want, f := range map[string]func(t testing.TB){
		`QUARTTEST_PROTOCOL is "h3", want h1, h2c or h2`: func(t testing.TB) { quarttest.New(t, protocolApp(t)) },
		"one protocol, not 2":                            func(t testing.TB) { quarttest.New(t, protocolApp(t), quarttest.H2C, quarttest.HTTP2) },
		"there is no protocol 3":                         func(t testing.TB) { quarttest.New(t, protocolApp(t), 3) },
	} {
		if got := record(t, f); !strings.Contains(got, want) {
			t.Errorf("failed with %q, want %q", got, want)
		}
	}
}

// An app is asked in the same way over each protocol.
func ExampleProtocol() {
	test := func(t testing.TB) {
		for _, p := range []quarttest.Protocol{quarttest.HTTP1, quarttest.H2C, quarttest.HTTP2} {
			app := quart.New(quart.Config{})
			app.Get("/", func(c *quart.Ctx) error { return c.Text(200, c.Protocol()+" "+c.Scheme()) })
			app.SSE("/events", func(s *quart.EventStream) error { return s.Send(quart.Event{Data: "hello"}) })
			app.WebSocket("/ws", func(ws *quart.Socket) error { return ws.WriteText("welcome") })

			cl := quarttest.New(t, app, p)
			fmt.Println(p, cl.Get("/").Want(200).Text(), cl.SSE("/events").Next(5*time.Second).Data, quarttest.ReadText(t, cl.WebSocket("/ws")))
		}
	}
	run(test)
	// Output:
	// h1 HTTP/1.1 http hello welcome
	// h2c HTTP/2.0 http hello welcome
	// h2 HTTP/2.0 https hello welcome
}
