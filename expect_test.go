package quart_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// expecting begins a request with Expect: 100-continue and a body of five bytes.
func expecting(target string, header ...string) string {
	return "POST " + target + " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n" + strings.Join(append(header, "Content-Length: 5"), "\r\n") + "\r\n\r\n"
}

// wantContinue reads the interim response.
func wantContinue(t *testing.T, br *bufio.Reader) {
	t.Helper()
	if line, err := br.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if line, err := br.ReadString('\n'); err != nil || line != "\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
}

type expectIn struct {
	Name string `json:"name"`
}

func expectApp(cfg quart.Config) (app *quart.App, ends chan error) {
	app, _ = bodyApp(cfg)
	ends = make(chan error, 100)
	read := func(c *quart.Ctx) error {
		data, err := c.Body()
		ends <- err
		if err != nil {
			return err
		}
		return c.Text(200, string(data))
	}
	app.Post("/read", read)
	app.Post("/brief", func(c *quart.Ctx) error {
		c.SetCookie(quart.Cookie{Name: "a", Value: "b"})
		return read(c)
	}).BodyTimeout(300 * time.Millisecond)
	app.Post("/hard", func(c *quart.Ctx) error {
		c.SetHardTimeout(200 * time.Millisecond)
		return read(c)
	})
	app.Post("/private", read).Use(func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if c.Header("Authorization") == "" {
				return quart.ErrUnauthorized
			}
			return next(c)
		}
	})
	app.Post("/panic", func(c *quart.Ctx) error { panic("before") })
	app.Post("/panic-after", func(c *quart.Ctx) error { _, _ = c.Body(); panic("after") })
	app.Post("/half", func(c *quart.Ctx) error {
		_, err := c.BodyReader().Read(make([]byte, 1))
		if err != nil {
			return err
		}
		return c.Text(200, "half")
	})
	app.Post("/from-fast", quart.FromFast(func(fc *fasthttp.RequestCtx) { _, _ = fc.Write(fc.PostBody()) }))
	app.Post("/post-body", func(c *quart.Ctx) error { return c.Bytes(200, "text/plain", c.Fast().PostBody()) })
	app.Post("/stream", func(c *quart.Ctx) error {
		data, err := io.ReadAll(c.Fast().RequestBodyStream())
		if err != nil {
			return err
		}
		return c.Bytes(200, "text/plain", data)
	})
	quart.Post(app, "/typed", func(c *quart.Ctx, in expectIn) (string, error) { return in.Name, nil })
	return app, ends
}

// TestExpectFinal: a handler, or a layer of it, that answers without the body does so without a 100, and the connection ends.
func TestExpectFinal(t *testing.T) {
	app, _ := expectApp(quart.Config{})
	s := serve(t, app)
	for _, tc := range []struct {
		request, method string
		status          int
	}{
		{expecting("/private"), "POST", 401},
		{expecting("/ignore"), "POST", 200},
		{expecting("/panic"), "POST", 500},
		{expecting("/none"), "POST", 404},
		{strings.Replace(expecting("/read"), "POST", "PUT", 1), "PUT", 405},
		{strings.Replace(expecting("/read"), "POST", "HEAD", 1), "HEAD", 405},
		{strings.Replace(expecting("/small"), ": 5", ": 50", 1), "POST", 413},
		{expecting("/read", "Expect: more"), "POST", 417},
		{expecting("/private") + "hello", "POST", 401}, // a client that did not wait
	} {
		nc := s.dial()
		send(t, nc, tc.request)
		br := newReader(nc)
		if a := readAnswer(t, br, tc.method); a.StatusCode != tc.status || !a.Close {
			t.Errorf("%q: %d, close %v", tc.request, a.StatusCode, a.Close)
		}
		if rest, err := io.ReadAll(br); err != nil || len(rest) > 0 {
			t.Errorf("%q: then %q, %v", tc.request, rest, err)
		}
	}
}

// TestExpectRead: a handler that reads has the body asked for, and the connection goes on.
func TestExpectRead(t *testing.T) {
	app, _ := expectApp(quart.Config{})
	s := serve(t, app)
	chunked := func(target string) string {
		return strings.Replace(expecting(target), "Content-Length: 5", "Transfer-Encoding: chunked", 1)
	}
	const hello, helloChunked = "hello", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
	for _, tc := range []struct {
		name, head, body string
		status           int
		answer           string
	}{
		{"declared", expecting("/read"), hello, 200, hello},
		{"chunked", chunked("/read"), helloChunked, 200, hello},
		{"a layer lets it through", expecting("/private", "Authorization: x"), hello, 200, hello},
		{"half", expecting("/half"), hello, 200, "half"},
		{"half of chunked", chunked("/half"), helloChunked, 200, "half"},
		{"panic", expecting("/panic-after"), hello, 500, `{"title":"Internal Server Error","status":500}`},
		{"fasthttp handler", expecting("/from-fast"), hello, 200, hello},
		{"PostBody", expecting("/post-body"), hello, 200, hello},
		{"PostBody chunked", chunked("/post-body"), helloChunked, 200, hello},
		{"RequestBodyStream", expecting("/stream"), hello, 200, hello},
		{"typed", strings.Replace(expecting("/typed", "Content-Type: application/json"), ": 5", ": 14", 1), `{"name":"joe"}`, 200, "joe"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			nc := s.dial()
			br := newReader(nc)
			for range 2 {
				send(t, nc, tc.head)
				wantContinue(t, br)
				send(t, nc, tc.body)
				readAnswer(t, br, "POST").want(t, tc.status, tc.answer)
			}
			for range 2 { // clients that do not wait are sent it all the same
				send(t, nc, tc.head+tc.body)
				wantContinue(t, br)
				readAnswer(t, br, "POST").want(t, tc.status, tc.answer)
			}
			send(t, nc, "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nnext")
			readAnswer(t, br, "POST").want(t, 200, "next")
		})
	}
}

// TestExpectNoBody: without a body there is nothing to wait for, and HTTP/1.0 knows no Expect.
func TestExpectNoBody(t *testing.T) {
	app, _ := expectApp(quart.Config{})
	s := serve(t, app)
	for _, head := range []string{"Content-Length: 0\r\n", ""} {
		nc := s.dial()
		br := newReader(nc)
		for range 2 {
			send(t, nc, "POST /read HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"+head+"\r\n")
			wantContinue(t, br)
			readAnswer(t, br, "POST").want(t, 200, "")
		}
	}
	s.raw("POST", "POST /read HTTP/1.0\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello").want(t, 200, "hello")
}

// TestExpectPipelined: the 100 comes behind the answers before it.
func TestExpectPipelined(t *testing.T) {
	app, _ := expectApp(quart.Config{})
	s := serve(t, app)
	nc := s.dial()
	send(t, nc, "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"+expecting("/read")+"hello"+
		expecting("/read")+"again"+"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nb")
	br := newReader(nc)
	readAnswer(t, br, "POST").want(t, 200, "a")
	wantContinue(t, br)
	readAnswer(t, br, "POST").want(t, 200, "hello")
	wantContinue(t, br)
	readAnswer(t, br, "POST").want(t, 200, "again")
	readAnswer(t, br, "POST").want(t, 200, "b")
	if n := app.Stats().Requests; n != 4 {
		t.Errorf("%d requests were counted", n)
	}
}

// TestExpectBroken: what goes wrong between the 100 and the body ends the handler with an error, and nothing is left behind.
func TestExpectBroken(t *testing.T) {
	app, ends := expectApp(quart.Config{})
	s := serve(t, app)
	s.do("POST", "/read", "x", "Connection: close").want(t, 200, "x")
	_ = ended(t, ends)
	before, _ := busy()
	for _, tc := range []struct {
		name, head string
		then       func(t *testing.T, nc net.Conn, br *bufio.Reader)
		want       error
	}{
		{"no byte comes", expecting("/brief"), func(t *testing.T, nc net.Conn, br *bufio.Reader) {
			if a := readAnswer(t, br, "POST"); a.StatusCode != 408 || !a.Close || len(a.Cookies()) > 0 {
				t.Errorf("%d, close %v", a.StatusCode, a.Close)
			}
		}, quart.ErrTimeout},
		{"it stops", expecting("/brief"), func(t *testing.T, nc net.Conn, br *bufio.Reader) {
			send(t, nc, "he")
			if a := readAnswer(t, br, "POST"); a.StatusCode != 408 || !a.Close {
				t.Errorf("%d, close %v", a.StatusCode, a.Close)
			}
		}, quart.ErrTimeout},
		{"the client leaves", expecting("/read"), func(t *testing.T, nc net.Conn, br *bufio.Reader) {
			_ = nc.(*net.TCPConn).SetLinger(0)
			_ = nc.Close()
		}, quart.ErrBadRequest},
		{"the client closes its side", expecting("/read"), func(t *testing.T, nc net.Conn, br *bufio.Reader) {
			_ = nc.(*net.TCPConn).CloseWrite()
			if a := readAnswer(t, br, "POST"); a.StatusCode != 400 || !a.Close {
				t.Errorf("%d, close %v", a.StatusCode, a.Close)
			}
		}, quart.ErrBadRequest},
		{"a hard timeout", expecting("/hard"), func(t *testing.T, nc net.Conn, br *bufio.Reader) {
			if a := readAnswer(t, br, "POST"); a.StatusCode != 503 || !a.Close {
				t.Errorf("%d, close %v", a.StatusCode, a.Close)
			}
		}, quart.ErrBadRequest},
		{
			"a hard timeout, chunked", strings.Replace(expecting("/hard"), "Content-Length: 5", "Transfer-Encoding: chunked", 1),
			func(t *testing.T, nc net.Conn, br *bufio.Reader) {
				send(t, nc, "1\r\na\r\n")
				if a := readAnswer(t, br, "POST"); a.StatusCode != 503 || !a.Close {
					t.Errorf("%d, close %v", a.StatusCode, a.Close)
				}
			}, quart.ErrBadRequest,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			nc := s.dial()
			send(t, nc, tc.head)
			br := newReader(nc)
			wantContinue(t, br)
			tc.then(t, nc, br)
			_ = nc.Close()
			if err := ended(t, ends); !errors.Is(err, tc.want) {
				t.Errorf("the handler saw %v", err)
			}
		})
	}
	settle(t, before)
}

// muteConn takes nothing.
type muteConn struct{ net.Conn }

func (muteConn) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

type muteListener struct {
	net.Listener
	on atomic.Bool
}

func (l *muteListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil || !l.on.Load() {
		return nc, err
	}
	return muteConn{nc}, nil
}

// TestExpectUnsent: the 100 cannot be written. The handler ends with an error before its RequestCtx serves another.
func TestExpectUnsent(t *testing.T) {
	app, ends := expectApp(quart.Config{})
	app.Post("/path", func(c *quart.Ctx) error {
		_, err := c.Body()
		if c.Path() != "/path" || c.Method() != "POST" || c.Header("X-A") != "b" {
			t.Error("the request has changed")
		}
		ends <- err
		return c.Redirect(303, "/elsewhere")
	})
	l := &muteListener{Listener: listen(t)}
	ctx, cancel := contextWithCancel()
	done := make(chan error)
	go func() { done <- app.Serve(ctx, l) }()
	s := &served{t: t, addr: l.Addr().String()}
	s.do("POST", "/read", "x", "Connection: close").want(t, 200, "x")
	_ = ended(t, ends)
	before, _ := busy()
	l.on.Store(true)
	for range 10 {
		nc := s.dial()
		send(t, nc, expecting("/path", "X-A: b"))
		if err := ended(t, ends); !errors.Is(err, quart.ErrBadRequest) {
			t.Errorf("the handler saw %v", err)
		}
		if rest, err := io.ReadAll(nc); err != nil || len(rest) > 0 {
			t.Errorf("%q, %v", rest, err)
		}
		_ = nc.Close()
	}
	settle(t, before)
	l.on.Store(false)
	a := s.do("POST", "/read", "x")
	if a.want(t, 200, "x"); a.Header.Get("Location") != "" {
		t.Error("the answer of a handler that was given up has reached another client")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestExpectStop: the end of the grace ends a handler that waits for its body.
func TestExpectStop(t *testing.T) {
	app, ends := expectApp(quart.Config{ShutdownGrace: 50 * time.Millisecond})
	l := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- app.Serve(ctx, l) }()
	s := &served{t: t, addr: l.Addr().String()}
	nc := s.dial()
	send(t, nc, expecting("/read"))
	wantContinue(t, newReader(nc))
	cancel()
	if err := <-done; err != nil {
		t.Error(err) // a slow client is no failure of the app
	}
	if err := ended(t, ends); !errors.Is(err, quart.ErrBadRequest) {
		t.Errorf("the handler saw %v", err)
	}
}

// TestExpectHardAfter: the answer of a hard timeout arrives although the 100 went before it, and an answer that went before is not
// taken for this one.
func TestExpectHardAfter(t *testing.T) {
	app, _ := expectApp(quart.Config{})
	block := make(chan struct{})
	app.Post("/stuck", func(c *quart.Ctx) error {
		c.SetHardTimeout(50 * time.Millisecond)
		if _, err := c.Body(); err != nil {
			return err
		}
		<-c.Context().Done()
		<-block
		return nil
	})
	s := serve(t, app)
	for _, before := range []string{"", "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"} {
		nc := s.dial()
		br := newReader(nc)
		send(t, nc, before+expecting("/stuck")+"hello")
		if before != "" {
			readAnswer(t, br, "POST").want(t, 200, "a")
		}
		wantContinue(t, br)
		if before != "" {
			block <- struct{}{} // behind an unsent answer the 503 comes when the handler returns: see SetHardTimeout
		}
		if a := readAnswer(t, br, "POST"); a.StatusCode != 503 || !a.Close {
			t.Errorf("%d, close %v", a.StatusCode, a.Close)
		}
		if before == "" {
			block <- struct{}{}
		}
	}

	// Nor does it come before an answer that waits for the rest of its pipeline.
	nc := s.dial()
	br := newReader(nc)
	const head = "POST /stuck HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
	send(t, nc, strings.Replace(head, "stuck", "read", 1)+"a"+expecting("/read")+"hello"+head+"b")
	readAnswer(t, br, "POST").want(t, 200, "a")
	wantContinue(t, br)
	block <- struct{}{}
	readAnswer(t, br, "POST").want(t, 200, "hello")
	if a := readAnswer(t, br, "POST"); a.StatusCode != 503 || !a.Close {
		t.Errorf("%d, close %v", a.StatusCode, a.Close)
	}
}
