package quart_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
)

// TestBadHead sends heads that smuggle, inject or cost, each over a socket of its own: the status, a problem without internals, and the
// connection closed, so that nothing that follows is taken for a request.
func TestBadHead(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "ok") })
	app.Post("/", func(c *quart.Ctx) error { return c.Text(200, "ok") })
	app.Get("/smuggled", func(c *quart.Ctx) error { t.Error("smuggled request served"); return nil })
	s := serve(t, app)
	const host = "Host: x\r\n"
	for _, tc := range []struct {
		name, request string
		status        int
	}{
		{"space in a field name", "GET / HTTP/1.1\r\n" + host + "X A: b\r\n\r\n", 400},
		{"space before the colon", "GET / HTTP/1.1\r\n" + host + "X-A : b\r\n\r\n", 400},
		{"no colon", "GET / HTTP/1.1\r\n" + host + "XA\r\n\r\n", 400},
		{"empty name", "GET / HTTP/1.1\r\n" + host + ": b\r\n\r\n", 400},
		{"obs-fold", "GET / HTTP/1.1\r\n" + host + "X-A: b\r\n c\r\n\r\n", 400},
		{"obs-fold tab", "GET / HTTP/1.1\r\n" + host + "X-A: b\r\n\tc\r\n\r\n", 400},
		{"bare LF", "GET / HTTP/1.1\r\n" + host + "X-A: b\nX-B: c\r\n\r\n", 400},
		{"NUL in a value", "GET / HTTP/1.1\r\n" + host + "X-A: b\x00\r\n\r\n", 400},
		{"control byte in a value", "GET / HTTP/1.1\r\n" + host + "X-A: b\x01\r\n\r\n", 400},
		{"CR in a value", "GET / HTTP/1.1\r\n" + host + "X-A: b\rc\r\n\r\n", 400},
		{"CL and TE", "POST / HTTP/1.1\r\n" + host + "Content-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n", 400},
		{"TE identity", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: identity\r\n\r\n", 400},
		{"TE gzip, chunked", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
		{"TE twice", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"TE on HTTP/1.0", "POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"CL twice", "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
		{"CL list", "POST / HTTP/1.1\r\n" + host + "Content-Length: 1, 1\r\n\r\nx", 400},
		{"CL sign", "POST / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\nx", 400},
		{"CL hex", "POST / HTTP/1.1\r\n" + host + "Content-Length: 0x1\r\n\r\nx", 400},
		{"CL beyond int64", "POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\nx", 400},
		{"two hosts", "GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
		{"no host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400},
		{"no fields", "GET / HTTP/1.1\r\n\r\n", 400},
		{"userinfo in host", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
		{"slash in host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
		{"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
		{"bad escape", "GET /%zz HTTP/1.1\r\n" + host + "\r\n", 400},
		{"cut escape", "GET /%4 HTTP/1.1\r\n" + host + "\r\n", 400},
		{"bad escape in the query", "GET /?a=%g1 HTTP/1.1\r\n" + host + "\r\n", 400},
		{"control byte in the target", "GET /a\x01b HTTP/1.1\r\n" + host + "\r\n", 400},
		{"space in the target", "GET /a b HTTP/1.1\r\n" + host + "\r\n", 400},
		{"fragment", "GET /#a HTTP/1.1\r\n" + host + "\r\n", 400},
		{"authority form", "GET example.com:80 HTTP/1.1\r\n" + host + "\r\n", 400},
		{"relative target", "GET index.html HTTP/1.1\r\n" + host + "\r\n", 400},
		{"HTTP/2.0 on the wire", "GET / HTTP/2.0\r\n" + host + "\r\n", 400},
		{"HTTP/3.0 on the wire", "GET / HTTP/3.0\r\n" + host + "\r\n", 400},
		{"HTTP/1.2", "GET / HTTP/1.2\r\n" + host + "\r\n", 400},
		{"lower-case version", "GET / http/1.1\r\n" + host + "\r\n", 400},
		{"no version", "GET /\r\n" + host + "\r\n", 400},
		{"bad method", "G(T / HTTP/1.1\r\n" + host + "\r\n", 400},
		{"not HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n\r\n", 400},
		{"unknown expectation", "POST / HTTP/1.1\r\n" + host + "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx", 417},
		{"101 fields", "GET / HTTP/1.1\r\n" + host + strings.Repeat("X-A: b\r\n", 100) + "\r\n", 431},
		{"100 fields", "GET / HTTP/1.1\r\n" + host + strings.Repeat("X-A: b\r\n", 99) + "\r\n", 200},
		{"17 KiB field", "GET / HTTP/1.1\r\n" + host + "X-A: " + strings.Repeat("b", 17<<10) + "\r\n\r\n", 431},
		{"17 KiB target", "GET /" + strings.Repeat("b", 17<<10) + " HTTP/1.1\r\n" + host + "\r\n", 431},
		{"HTTP/1.0 without host", "GET / HTTP/1.0\r\n\r\n", 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			nc := s.dial()
			send(t, nc, tc.request)
			br := newReader(nc)
			a := readAnswer(t, br, "GET")
			if a.StatusCode != tc.status {
				t.Fatalf("%d %s, want %d", a.StatusCode, a.body, tc.status)
			}
			if tc.status == 200 {
				return
			}
			if a.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(a.body, fmt.Sprintf(`"status":%d`, tc.status)) {
				t.Errorf("%v %s", a.Header, a.body)
			}
			for _, internal := range []string{"fasthttp", ".go", "error when", "%!"} {
				if strings.Contains(a.body, internal) {
					t.Errorf("the body tells internals: %s", a.body)
				}
			}
			if rest, err := io.ReadAll(br); err != nil || len(rest) > 0 {
				t.Errorf("after the answer: %q, %v", rest, err)
			}
		})
	}
}

// TestBadHeadPipelined: a good request, a bad one and a smuggled one in one write: one answer, one refusal, and the end.
func TestBadHeadPipelined(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "ok") })
	app.Get("/smuggled", func(c *quart.Ctx) error { t.Error("served"); return nil })
	s := serve(t, app)
	nc := s.dial()
	send(t, nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nX A: b\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
	br := newReader(nc)
	readAnswer(t, br, "GET").want(t, 200, "ok")
	if a := readAnswer(t, br, "GET"); a.StatusCode != 400 {
		t.Fatal(a.StatusCode)
	}
	if rest, err := io.ReadAll(br); err != nil || len(rest) > 0 {
		t.Fatalf("%q, %v", rest, err)
	}
}

// TestSlowHead: a head that does not come, or comes a byte at a time, is answered 408; a connection that is silent between
// requests is closed without a word.
func TestSlowHead(t *testing.T) {
	app, _ := newApp(quart.Config{HeaderTimeout: time.Second, IdleTimeout: time.Second})
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "ok") })
	s := serve(t, app)

	nc := s.dial()
	send(t, nc, "GET / HTTP/1.1\r\nHo")
	if a := readAnswer(t, newReader(nc), "GET"); a.StatusCode != 408 || !a.Close {
		t.Errorf("half a head: %d", a.StatusCode)
	}

	drip := s.dial()
	go func() {
		for _, b := range []byte("GET / HTTP/1.1\r\nX-A: " + strings.Repeat("b", 200)) {
			if _, err := drip.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	if a := readAnswer(t, newReader(drip), "GET"); a.StatusCode != 408 {
		t.Errorf("drip: %d", a.StatusCode)
	}

	nc = s.dial()
	send(t, nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	br := newReader(nc)
	readAnswer(t, br, "GET").want(t, 200, "ok")
	if rest, err := io.ReadAll(br); err != nil || len(rest) > 0 {
		t.Errorf("idle: %q, %v", rest, err)
	}
}

// TestExpectContinue: the body is asked for, then answered.
func TestExpectContinue(t *testing.T) {
	app, _ := bodyApp(quart.Config{})
	s := serve(t, app)
	nc := s.dial()
	send(t, nc, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	br := newReader(nc)
	line, err := br.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("%q, %v", line, err)
	}
	_, _ = br.ReadString('\n')
	send(t, nc, "hello")
	readAnswer(t, br, "POST").want(t, 200, "hello")
}
