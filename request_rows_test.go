package quart_test

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"strings"
	"testing"

	"github.com/goquart/quart"
)

// TestRequestTarget reads the parts of the target, and reads them again when other requests have used the Ctx: they are owned.
func TestRequestTarget(t *testing.T) {
	app, _ := newApp(quart.Config{})
	var kept []string
	app.Get("/{path:*}", func(c *quart.Ctx) error {
		kept = append(kept, c.Path()+" "+c.Target()+" "+c.Scheme()+"://"+c.Host(), c.Path(), c.Target(), c.Host())
		return c.NoContent()
	})
	s := serve(t, app)
	nc := s.dial()
	br := newReader(nc)
	var want []string
	for _, tc := range []struct{ target, host, path, seenHost string }{
		{"/a/b?q=1", "example.com", "/a/b", "example.com"},
		{"/a%20b?q=%20", "EXAMPLE.com:80", "/a b", "example.com"},
		{"/a?", "example.com:8080", "/a", "example.com:8080"},
		{"/a", "[::1]:443", "/a", "[::1]:443"},
		{"http://inner.example/a?b", "outer.example", "/a", "inner.example"}, // RFC 9112, section 3.2.2
	} {
		send(t, nc, "GET "+tc.target+" HTTP/1.1\r\nHost: "+tc.host+"\r\n\r\n")
		readAnswer(t, br, "GET").want(t, 204, "")
		want = append(want, tc.path+" "+tc.target+" http://"+tc.seenHost, tc.path, tc.target, tc.seenHost)
	}
	for i := range want {
		if kept[i] != want[i] {
			t.Errorf("%q, want %q", kept[i], want[i])
		}
	}
}

// TestRequestHeaderFields: those that fasthttp keeps apart are found by name like all others.
func TestRequestHeaderFields(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Post("/", func(c *quart.Ctx) error {
		var all []string
		for v := range c.HeaderAll("x-LIST") {
			all = append(all, v)
		}
		return c.Text(200, c.Header(c.Query("name"))+"|"+strings.Join(all, "+"))
	})
	s := serve(t, app)
	fields := []string{
		"Content-Type: text/plain; charset=utf-8", "User-Agent: curl/8", "Referer: http://a.example/", "Date: Sun, 06 Nov 1994 08:49:37 GMT",
		"Origin: https://b.example", "Cache-Control: no-cache", "X-List: a", "x-list: b, c",
	}
	for _, tc := range []struct{ name, want string }{
		{"content-type", "text/plain; charset=utf-8"},
		{"CONTENT-LENGTH", "4"},
		{"User-agent", "curl/8"},
		{"referer", "http://a.example/"},
		{"date", "Sun, 06 Nov 1994 08:49:37 GMT"},
		{"oRIGIN", "https://b.example"},
		{"cache-control", "no-cache"},
		{"host", "example.com"},
		{"x-list", "a"},
		{"x-none", ""},
	} {
		s.do("POST", "/?name="+tc.name, "body", fields...).want(t, 200, tc.want+"|a+b, c")
	}
}

// TestBodyReaderLimit: what is streamed is under the limit too, and what came before its end has been delivered.
func TestBodyReaderLimit(t *testing.T) {
	app, _ := newApp(quart.Config{})
	got := make(chan int, 1)
	app.Post("/", func(c *quart.Ctx) error {
		n, err := io.Copy(io.Discard, c.BodyReader())
		got <- int(n)
		if _, again := c.BodyReader().Read(make([]byte, 1)); err != nil && !errors.Is(again, err) {
			return fmt.Errorf("read on after %w: %w", err, again)
		}
		return err
	}).BodyLimit(20_000)
	app.Post("/more", func(c *quart.Ctx) error {
		c.SetBodyLimit(-1)
		n, err := io.Copy(io.Discard, c.BodyReader())
		got <- int(n)
		return err
	}).BodyLimit(20_000)
	s := serve(t, app)
	chunked := func(path string, n int) *answer {
		return s.raw("POST", fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", path, n, strings.Repeat("x", n)))
	}
	for _, tc := range []struct {
		path            string
		chunked         bool
		n, status, seen int
	}{
		{"/", false, 20_000, 200, 20_000},
		{"/", true, 20_000, 200, 20_000},
		{"/", false, 20_001, 413, 0},
		{"/", true, 30_000, 413, -1},
		{"/more", false, 30_000, 200, 30_000},
		{"/more", true, 30_000, 200, 30_000},
	} {
		var a *answer
		if tc.chunked {
			a = chunked(tc.path, tc.n)
		} else {
			a = s.do("POST", tc.path, strings.Repeat("x", tc.n))
		}
		seen := <-got
		if a.StatusCode != tc.status || tc.seen >= 0 && seen != tc.seen || tc.seen < 0 && (seen == 0 || seen > 20_000) {
			t.Errorf("%s, chunked %v, %d bytes: %d, %d delivered; want %d, %d", tc.path, tc.chunked, tc.n, a.StatusCode, seen, tc.status, tc.seen)
		}
		if a.Close != (tc.status == 413) {
			t.Errorf("%s, chunked %v, %d bytes: close %v", tc.path, tc.chunked, tc.n, a.Close)
		}
	}
}

// TestHandlerBeforeBody: the handler runs at the body's first byte, and may answer without the rest.
func TestHandlerBeforeBody(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Post("/refuse", func(*quart.Ctx) error { return quart.ErrForbidden })
	app.Post("/answer", func(c *quart.Ctx) error { return c.Text(200, "read nothing") })
	app.Post("/first", func(c *quart.Ctx) error {
		var b [1]byte
		_, err := io.ReadFull(c.BodyReader(), b[:])
		return errors.Join(err, c.Text(200, string(b[:])))
	})
	s := serve(t, app)
	for _, tc := range []struct {
		path, begin string
		status      int
	}{
		{"/refuse", "Content-Length: 1000\r\n\r\nx", 403},
		{"/answer", "Content-Length: 1000\r\n\r\nx", 200},
		{"/first", "Content-Length: 1000\r\n\r\nx", 200},
		{"/answer", "Transfer-Encoding: chunked\r\n\r\n5\r\nx", 200},
		{"/first", "Transfer-Encoding: chunked\r\n\r\n5\r\nx", 200},
	} {
		nc := s.dial()
		send(t, nc, "POST "+tc.path+" HTTP/1.1\r\nHost: x\r\n"+tc.begin) // and never the rest
		if a := readAnswer(t, newReader(nc), "POST"); a.StatusCode != tc.status || tc.path == "/first" && a.body != "x" {
			t.Errorf("%s %q: %d %q, want %d", tc.path, tc.begin, a.StatusCode, a.body, tc.status)
		}
		nc.Close()
	}
}

// TestFormFileNames: the file names of RFC 5987 and RFC 2047 are decoded, and directories are left out.
func TestFormFileNames(t *testing.T) {
	app, _ := bodyApp(quart.Config{})
	s := serve(t, app)
	for _, tc := range []struct{ disposition, want string }{
		{`form-data; name="f"; filename="a b.txt"`, "a b.txt"},
		{`form-data; name="f"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.txt`, "naïve €.txt"},
		{`form-data; name="f"; filename="../../etc/passwd"`, "passwd"},
		{`form-data; name=f; filename=plain`, "plain"},
	} {
		body, ctype := multipartBody(t, func(w *multipart.Writer) {
			part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {tc.disposition}, "Content-Type": {"text/csv"}})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(part, "abc")
			_ = w.WriteField("note", "hi")
		})
		s.do("POST", "/file", body, ctype).want(t, 200, tc.want+" text/csv 3 3 hi")
	}
}

// TestMatchedRoute: hooks and error handlers see the route, its name and its values; nil where none matched.
func TestMatchedRoute(t *testing.T) {
	app := quiet()
	show := func(c *quart.Ctx) string {
		r := c.Route()
		if r == nil {
			return "none" + c.Param("id")
		}
		info := r.Info()
		return info.Method + " " + info.Pattern + " " + info.Name + " " + c.Param("id")
	}
	app.Use(quart.After(func(c *quart.Ctx) error { c.AddHeader("X-Trace", show(c)); return nil }))
	app.Use(quart.Before(func(c *quart.Ctx) error { c.AddHeader("X-Trace", show(c)); return nil }))
	app.OnStatus(404, func(c *quart.Ctx, _ error) error { return c.Text(404, "handler: "+show(c)) })
	app.Get("/dir/", say("dir"))
	g := app.Group("/films").Name("films")
	g.Get("/{id:int}", func(c *quart.Ctx) error {
		if c.ParamInt("id") > 9 {
			return quart.ErrNotFound
		}
		return c.Text(200, show(c))
	}).Name("show")
	s := serveInMemory(t, app)
	const film = "GET /films/{id:int} films.show "
	for _, tc := range []struct {
		method, target, trace, body string
		status                      int
	}{
		{"GET", "/films/7", film + "7 " + film + "7", film + "7", 200},
		{"HEAD", "/films/7", film + "7 " + film + "7", "", 200},
		{"GET", "/films/10", film + "10 " + film + "10", "handler: " + film + "10", 404},
		{"GET", "/films/x", "none none", "handler: none", 404},
		{"PUT", "/films/7", "none none", `{"title":"Method Not Allowed","status":405}`, 405},
		{"GET", "/dir", "none none", "", 308},
	} {
		a := s.do(tc.method, tc.target)
		a.want(t, tc.status, tc.body)
		if got := trace(a); got != tc.trace {
			t.Errorf("%s %s: hooks saw %q, want %q", tc.method, tc.target, got, tc.trace)
		}
	}
}

// TestProtocol: on the wire HTTP/1.0 and 1.1; the rest is a server's that speaks HTTP/2.
func TestProtocol(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		return c.Text(200, c.Protocol()+" "+string(c.Fast().Request.Header.Protocol()))
	})
	s := serve(t, app)
	for _, version := range []string{"HTTP/1.0", "HTTP/1.1"} {
		s.raw("GET", "GET / "+version+"\r\nHost: x\r\n\r\n").want(t, 200, version+" "+version)
	}
	fc := request("GET", "/")
	fc.Request.Header.SetProtocol("HTTP/2.0")
	app.Handler()(fc)
	if got := string(fc.Response.Body()); got != "HTTP/2.0 HTTP/2.0" {
		t.Errorf("%q", got)
	}
}

// TestGoroutineOutlives: what a goroutine has read into variables stays, when the Ctx serves others; its context ends.
func TestGoroutineOutlives(t *testing.T) {
	app, _ := newApp(quart.Config{})
	next := make(chan struct{})
	seen := make(chan string, 1)
	app.Post("/start/{name}", func(c *quart.Ctx) error {
		name, agent, ctx := c.Param("name"), c.Header("X-Agent"), c.Context()
		go func() {
			<-ctx.Done()
			<-next
			seen <- name + " " + agent
		}()
		return c.NoContent()
	})
	app.Get("/other/{name}", func(c *quart.Ctx) error { return c.Text(200, c.Param("name")+c.Header("X-Agent")) })
	s := serve(t, app)
	nc := s.dial()
	br := newReader(nc)
	send(t, nc, "POST /start/ada HTTP/1.1\r\nHost: x\r\nX-Agent: lovelace\r\n\r\n")
	readAnswer(t, br, "POST").want(t, 204, "")
	for range 200 {
		send(t, nc, "GET /other/XXX HTTP/1.1\r\nHost: x\r\nX-Agent: XXXXXXXX\r\n\r\n")
		readAnswer(t, br, "GET").want(t, 200, "XXXXXXXXXXX")
	}
	close(next)
	if got := <-seen; got != "ada lovelace" {
		t.Errorf("the goroutine saw %q", got)
	}
}

// TestConnectionPerRequest is how a database's connection is lent: taken in a Before hook, kept under a typed key, given back in a
// Teardown hook, whatever happens between them.
func TestConnectionPerRequest(t *testing.T) {
	type conn struct{ id string }
	db := quart.NewKey[*conn]("db")
	pool := make(chan *conn, 1)
	pool <- &conn{"only one"}
	lend := []quart.Middleware{
		quart.Teardown(func(c *quart.Ctx, _ error) {
			if held, ok := db.Get(c); ok {
				pool <- held
			}
		}),
		quart.Before(func(c *quart.Ctx) error {
			select {
			case held := <-pool:
				db.Set(c, held)
				return nil
			default:
				return errors.New("the connection was not given back")
			}
		}),
	}
	app := quiet()
	g := app.Group("/db", lend...)
	g.Get("/ok", func(c *quart.Ctx) error { return c.Text(200, db.Must(c).id) })
	g.Get("/error", func(c *quart.Ctx) error { return quart.Errorf(409, "with %s", db.Must(c).id) })
	g.Get("/panic", panics("x"))
	g.Get("/inner", say("")).Use(quart.Before(func(*quart.Ctx) error { return quart.ErrForbidden }))
	s := serveInMemory(t, app)
	for _, target := range []string{"/ok", "/error", "/panic", "/inner"} {
		s.do("GET", "/db"+target)
		if len(pool) != 1 {
			t.Fatalf("%s keeps the connection", target)
		}
		s.do("GET", "/db/ok").want(t, 200, "only one")
	}
}
