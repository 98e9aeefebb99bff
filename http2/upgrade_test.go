package http2_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// serveClear serves both protocols on one cleartext listener.
func serveClear(t *testing.T, cfg http2.Config, h fasthttp.RequestHandler) *served {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, srv: &http2.Server{Handler: h, Config: cfg}, addr: l.Addr().String(), l: l}
	h1 := &fasthttp.Server{NoDefaultServerHeader: true, NoDefaultDate: true, Handler: func(ctx *fasthttp.RequestCtx) {
		if !s.srv.Upgrade(ctx) {
			h(ctx)
		}
	}}
	s.wg.Go(func() {
		if err := s.srv.Serve(l, h1); err == nil {
			t.Error("Serve returned nil")
		}
	})
	t.Cleanup(s.end)
	return s
}

// ask sends HTTP/1.1 and returns the answer, and the reader behind it.
func (s *served) ask(t *testing.T, method, text string) (net.Conn, *bufio.Reader, *http.Response, string) {
	t.Helper()
	nc := s.connectFor(t)
	_ = nc.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(nc, text); err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(nc)
	resp, err := http.ReadResponse(br, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == 101 {
		return nc, br, resp, ""
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return nc, br, resp, string(body)
}

// settings64 is the value of HTTP2-Settings.
func settings64(pairs ...uint32) string {
	return base64.RawURLEncoding.EncodeToString(settings(pairs...)[frameHeader:])
}

func upgradeRequest(first string, more ...string) string {
	return first + " HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
		strings.Join(append(more, "", ""), "\r\n")
}

// TestClearBoth: who begins with the preface gets HTTP/2, everybody else HTTP/1.
func TestClearBoth(t *testing.T) {
	s := serveClear(t, http2.Config{}, describe)
	c := s.dial()
	c.want(c.get("/2"), "200", `GET /2 host=example.com scheme=http proto=HTTP/2.0 body=""`)
	c.want(c.post("/2", []byte("abc")), "200", `POST /2 host=example.com scheme=http proto=HTTP/2.0 body="abc"`)
	for _, tt := range []struct{ request, want string }{
		{"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", `GET /1 host=a scheme=http proto=HTTP/1.1 body=""`},
		{"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", `POST /1 host=a scheme=http proto=HTTP/1.1 body="abc"`},
		{"PRI /1 HTTP/1.1\r\nHost: a\r\n\r\n", `PRI /1 host=a scheme=http proto=HTTP/1.1 body=""`},
		{
			"PUT /a-path-that-is-longer-than-the-preface HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
			`PUT /a-path-that-is-longer-than-the-preface host=a scheme=http proto=HTTP/1.1 body=""`,
		},
	} {
		if _, _, _, body := s.ask(t, "", tt.request); body != tt.want {
			t.Errorf("%q: %s", tt.request, body)
		}
	}
	nc := s.connect()
	for _, b := range []byte(clientPreface) { // byte by byte
		_, _ = nc.Write([]byte{b})
	}
	c = readerOf(t, nc)
	c.send(settings(), headers(1, endStream, c.encode(request("GET", "/")...)))
	c.want(1, "200", "*")
}

// TestClearKeepsOrder: two requests on one HTTP/1.1 connection, the first of which comes in pieces.
func TestClearKeepsOrder(t *testing.T) {
	s := serveClear(t, http2.Config{}, describe)
	nc := s.connect()
	_ = nc.SetDeadline(time.Now().Add(patience))
	for _, piece := range []string{"P", "R", "I ", "/x HTTP/1.1\r\nHost: a\r\n\r\nGET ", "/y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"} {
		_, _ = io.WriteString(nc, piece)
	}
	b, err := io.ReadAll(nc)
	if err != nil || strings.Count(string(b), "200 OK") != 2 || strings.Index(string(b), "PRI /x") > strings.Index(string(b), "GET /y") {
		t.Errorf("%v %s", err, b)
	}
}

// TestUpgrade: the request that asks is stream 1 (RFC 7540, section 3.2).
func TestUpgrade(t *testing.T) {
	s := serveClear(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		if ctx.Request.Header.Peek("Upgrade") != nil || ctx.Request.Header.Peek("HTTP2-Settings") != nil || ctx.Request.Header.Peek("Connection") != nil {
			ctx.Error("fields of the connection", 500)
			return
		}
		describe(ctx)
	})
	for _, tt := range []struct{ name, first, more, want string }{
		{"GET", "GET /up?x=1", "X-A: b", `GET /up?x=1 host=example.com scheme=http proto=HTTP/2.0 body=""`},
		{"HEAD", "HEAD /up", "X-A: b", ""},
		{"OPTIONS", "OPTIONS *", "X-A: b", `OPTIONS * host=example.com scheme=http proto=HTTP/2.0 body=""`},
		{"POST without a body", "POST /up", "Content-Length: 0", `POST /up host=example.com scheme=http proto=HTTP/2.0 body=""`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nc, br, resp, _ := s.ask(t, "GET", upgradeRequest(tt.first, "HTTP2-Settings: "+settings64(setInitialWindow, 7), tt.more))
			if resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "h2c" {
				t.Fatal(resp)
			}
			c := readerOf(t, nc)
			c.br = br
			c.window = 7
			c.send([]byte(clientPreface), settings(setInitialWindow, 7))
			a := c.want(1, "200", tt.want)
			if len(a.data) > 0 && slices.Max(a.data) > 7 {
				t.Errorf("DATA of %v bytes in a window of 7", a.data)
			}
			c.next = 3
			c.want(c.get("/more"), "200", `GET /more host=example.com scheme=http proto=HTTP/2.0 body=""`)
			c.send(frame(typeData, 0, 1, 'x')) // half-closed from the start, and closed by now
			c.wantEnd(http2.StreamClosed)
		})
	}
	t.Run("all at once", func(t *testing.T) {
		nc := s.connectFor(t)
		c := readerOf(t, nc)
		text := upgradeRequest("GET /up", "HTTP2-Settings: "+settings64(setMaxStreams, 100))
		c.send([]byte(text+clientPreface), settings(), headers(3, endStream, c.encode(request("GET", "/more")...)))
		resp, err := http.ReadResponse(c.br, nil)
		if err != nil || resp.StatusCode != 101 {
			t.Fatal(resp, err)
		}
		c.want(1, "200", "*")
		c.want(3, "200", "*")
	})
}

// TestUpgradeLarge: a response that needs windows, which come after the preface.
func TestUpgradeLarge(t *testing.T) {
	big := pattern(1 << 20)
	s := serveClear(t, http2.Config{}, download(big))
	nc, br, _, _ := s.ask(t, "GET", upgradeRequest("GET /?n=1048576", "HTTP2-Settings: "+settings64(setMaxStreams, 100)))
	c := readerOf(t, nc)
	c.br = br
	c.send([]byte(clientPreface), settings())
	if a := c.want(1, "200", "*"); a.sum != sumOf(big) {
		t.Error(a)
	}
}

// TestNoUpgrade: what stays with HTTP/1.1.
func TestNoUpgrade(t *testing.T) {
	s := serveClear(t, http2.Config{}, describe)
	good := "HTTP2-Settings: " + settings64(setMaxStreams, 100)
	for _, tt := range []struct{ name, request string }{
		{"with a body", upgradeRequest("POST /x", good, "Content-Length: 3") + "abc"},
		{"with a chunked body", upgradeRequest("POST /x", good, "Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n"},
		{"without settings", upgradeRequest("GET /x")},
		{"settings twice", upgradeRequest("GET /x", good, good)},
		{"settings that are no base64url", upgradeRequest("GET /x", "HTTP2-Settings: ***")},
		{"settings of five bytes", upgradeRequest("GET /x", "HTTP2-Settings: AAAAAAA")},
		{"HTTP/1.0", strings.Replace(upgradeRequest("GET /x", good), "HTTP/1.1", "HTTP/1.0", 1)},
		{"another protocol", strings.Replace(upgradeRequest("GET /x", good), "h2c", "websocket", 1)},
		{"h2, which is TLS", strings.Replace(upgradeRequest("GET /x", good), ": h2c", ": h2", 1)},
		{"Connection without Upgrade", strings.Replace(upgradeRequest("GET /x", good), "Upgrade, ", "", 1)},
		{"Connection without HTTP2-Settings", strings.Replace(upgradeRequest("GET /x", good), ", HTTP2-Settings", "", 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, resp, body := s.ask(t, "GET", tt.request)
			if resp.StatusCode != 200 || !strings.Contains(body, "/x host=example.com") || strings.Contains(body, "HTTP/2") {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
		})
	}
	t.Run("a bad setting", func(t *testing.T) {
		nc, br, resp, _ := s.ask(t, "GET", upgradeRequest("GET /x", "HTTP2-Settings: "+settings64(setEnablePush, 2)))
		if resp.StatusCode != 101 {
			return // refused before: as good
		}
		c := readerOf(t, nc)
		c.br = br
		_ = c.trySend([]byte(clientPreface), settings())
		c.wantEnd(http2.ProtocolError)
	})
	t.Run("no preface", func(t *testing.T) {
		nc, br, _, _ := s.ask(t, "GET", upgradeRequest("GET /x", good))
		c := readerOf(t, nc)
		c.br = br
		_ = c.trySend([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
		c.wantEnd(http2.ProtocolError)
	})
}

// TestClearSlow: a client that says nothing holds up no other, and not the accept loop.
func TestClearSlow(t *testing.T) {
	s := serveClear(t, http2.Config{}, hello)
	for i := range 50 {
		nc := s.connect()
		_, _ = io.WriteString(nc, clientPreface[:i%len(clientPreface)])
	}
	c := s.dial()
	c.want(c.get("/"), "200", "hello")
	if _, _, _, body := s.ask(t, "GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); body != "hello" {
		t.Error(body)
	}
}

// takeBack is a connection that can take back what was read from it.
type takeBack struct {
	net.Conn
	early bytes.Buffer
}

func (c *takeBack) Unread(p []byte) { c.early.Write(p) }

func (c *takeBack) Read(p []byte) (int, error) {
	if c.early.Len() > 0 {
		return c.early.Read(p)
	}
	return c.Conn.Read(p)
}

// TestSniff: what was read for a look at it is read again, from a connection that takes it back itself.
func TestSniff(t *testing.T) {
	for _, tt := range []struct {
		text string
		is2  bool
	}{
		{clientPreface, true},
		{clientPreface + "more", true},
		{"GET / HTTP/1.1\r\n\r\n", false},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", false},
		{"P", false},
		{"", false},
	} {
		for _, own := range []bool{false, true} {
			near, far := pipe(1 << 16)
			_, _ = io.WriteString(near, tt.text)
			_ = near.CloseWrite()
			var nc net.Conn = far
			if own {
				nc = &takeBack{Conn: far}
			}
			got, is2 := http2.Sniff(nc)
			b, _ := io.ReadAll(got)
			if is2 != tt.is2 || string(b) != tt.text || (own && got != nc) {
				t.Errorf("%q, own %v: %v, %q", tt.text, own, is2, b)
			}
		}
	}
}
