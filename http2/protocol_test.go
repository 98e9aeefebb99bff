package http2_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// describe answers with what the handler sees of the request.
func describe(ctx *fasthttp.RequestCtx) {
	fmt.Fprintf(ctx, "%s %s host=%s scheme=%s proto=%s body=%q",
		ctx.Method(), ctx.RequestURI(), ctx.Host(), ctx.URI().Scheme(), ctx.Request.Header.Protocol(), ctx.PostBody())
}

func TestRequests(t *testing.T) {
	s := serve(t, http2.Config{}, describe)
	c := s.dial()
	for _, tt := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"GET", request("GET", "/a/b?c=d"), `GET /a/b?c=d host=example.com scheme=http proto=HTTP/2.0 body=""`},
		{"DELETE", request("DELETE", "/"), `DELETE / host=example.com scheme=http proto=HTTP/2.0 body=""`},
		{"a method of its own", request("PURGE", "/x"), `PURGE /x host=example.com scheme=http proto=HTTP/2.0 body=""`},
		{"OPTIONS *", request("OPTIONS", "*"), `OPTIONS * host=example.com scheme=http proto=HTTP/2.0 body=""`},
		{"OPTIONS of a path", request("OPTIONS", "/x"), `OPTIONS /x host=example.com scheme=http proto=HTTP/2.0 body=""`},
		{
			"host instead of :authority",
			[]string{":method", "GET", ":scheme", "http", ":path", "/", "host", "other.example"},
			`GET / host=other.example scheme=http proto=HTTP/2.0 body=""`,
		},
		{"host as :authority", request("GET", "/", "host", "example.com"), `GET / host=example.com scheme=http proto=HTTP/2.0 body=""`},
		{"te: trailers", request("GET", "/", "te", "trailers"), `GET / host=example.com scheme=http proto=HTTP/2.0 body=""`},
		{"content-length: 0", request("POST", "/", "content-length", "0"), `POST / host=example.com scheme=http proto=HTTP/2.0 body=""`},
		{"an empty value", request("GET", "/", "x", ""), `GET / host=example.com scheme=http proto=HTTP/2.0 body=""`},
		{"a value of bytes over 127", request("GET", "/", "x", "\xe9\xff"), `GET / host=example.com scheme=http proto=HTTP/2.0 body=""`},
		{"a tab in a value", request("GET", "/", "x", "a\tb"), `GET / host=example.com scheme=http proto=HTTP/2.0 body=""`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.t = t
			c.want(c.open(true, tt.fields...), "200", tt.want)
		})
	}
}

func TestRequestFields(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		for _, name := range []string{"Cookie", "X-One", "Content-Type", "User-Agent", "X-Many"} {
			fmt.Fprintf(ctx, "%s=%s;", name, ctx.Request.Header.PeekAll(name))
		}
		fmt.Fprintf(ctx, "b=%s", ctx.Request.Header.Cookie("b"))
	})
	c := s.dial()
	id := c.get("/", "cookie", "a=1", "x-one", "1", "cookie", "b=2", "cookie", "c=3; d=4", "content-type", "text/x", "user-agent", "test",
		"x-many", "1", "x-many", "2")
	c.want(id, "200", "Cookie=[a=1; b=2; c=3; d=4];X-One=[1];Content-Type=[text/x];User-Agent=[test];X-Many=[1 2];b=2")
}

func TestHead(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/stream" {
			ctx.SetBodyStream(strings.NewReader("streamed"), -1)
			return
		}
		ctx.SetBodyString("thirteen bytes")
	})
	c := s.dial()
	a := c.want(c.open(true, request("HEAD", "/")...), "200", "")
	if got := a.field("content-length"); got != "14" || len(a.data) > 1 {
		t.Errorf("content-length %q, DATA %v", got, a.data)
	}
	c.want(c.open(true, request("HEAD", "/stream")...), "200", "")
	c.want(c.get("/"), "200", "thirteen bytes")
}

// TestMalformedRequests: each is a stream error, which the connection survives (RFC 9113, section 8.1.1).
func TestMalformedRequests(t *testing.T) {
	handled := false
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) { handled = true })
	c := s.dial()
	without := func(name string) []string {
		fields := request("GET", "/")
		i := slices.Index(fields, name)
		return slices.Delete(fields, i, i+2)
	}
	get := func(more ...string) []string { return request("GET", "/", more...) }
	for _, tt := range []struct {
		name   string
		fields []string
	}{
		{"no :method", without(":method")},
		{"no :scheme", without(":scheme")},
		{"no :path", without(":path")},
		{"empty :path", request("GET", "")},
		{"empty :method", request("", "/")},
		{"a method with a space", request("GET /x", "/")},
		{"a path without a slash", request("GET", "x")},
		{"a path of * for a GET", request("GET", "*")},
		{"a space in the path", request("GET", "/a b")},
		{"a control byte in the path", request("GET", "/a\x01b")},
		{"DEL in the path", request("GET", "/a\x7fb")},
		{"userinfo in :authority", []string{":method", "GET", ":scheme", "http", ":authority", "user@example.com", ":path", "/"}},
		{"a space in :authority", []string{":method", "GET", ":scheme", "http", ":authority", "a b", ":path", "/"}},
		{"a slash in :authority", []string{":method", "GET", ":scheme", "http", ":authority", "a/b", ":path", "/"}},
		{"host that differs", get("host", "other.example")},
		{"host twice", append(without(":authority"), "host", "a.example", "host", "b.example")},
		{"two :method", append([]string{":method", "GET"}, get()...)},
		{"two :scheme", append([]string{":scheme", "http"}, get()...)},
		{"two :path", append([]string{":path", "/"}, get()...)},
		{"two :authority", append([]string{":authority", "example.com"}, get()...)},
		{"an unknown pseudo-header", append([]string{":unknown", "x"}, get()...)},
		{":status in a request", append([]string{":status", "200"}, get()...)},
		{":protocol without CONNECT", append([]string{":protocol", "websocket"}, get()...)},
		{"a late pseudo-header", append(append(without(":path"), "x", "y"), ":path", "/")},
		{"a late second pseudo-header", get("x", "y", ":path", "/")},
		{"an upper-case name", get("X-Upper", "1")},
		{"an upper-case letter at the end", get("x-uppeR", "1")},
		{"an empty name", get("", "1")},
		{"a space in a name", get("a b", "1")},
		{"a colon in a name", get("a:b", "1")},
		{"a control byte in a name", get("a\x01", "1")},
		{"CRLF in a name", get("a\r\nb", "1")},
		{"a byte over 127 in a name", get("\xe9", "1")},
		{"connection", get("connection", "close")},
		{"keep-alive", get("keep-alive", "timeout=5")},
		{"proxy-connection", get("proxy-connection", "keep-alive")},
		{"transfer-encoding", get("transfer-encoding", "chunked")},
		{"upgrade", get("upgrade", "h2c")},
		{"te: gzip", get("te", "gzip")},
		{"te: trailers, gzip", get("te", "trailers, gzip")},
		{"CR in a value", get("x", "a\rb")},
		{"LF in a value", get("x", "a\nb")},
		{"CRLF in a value", get("x", "a\r\nevil: 1")},
		{"NUL in a value", get("x", "a\x00b")},
		{"a leading space", get("x", " a")},
		{"a trailing space", get("x", "a ")},
		{"a leading tab", get("x", "\ta")},
		{"LF in a cookie", get("cookie", "a=b\nc=d")},
		{"content-length that is no number", get("content-length", "x")},
		{"content-length with a sign", get("content-length", "+0")},
		{"negative content-length", get("content-length", "-1")},
		{"content-length over 64 bits", get("content-length", "99999999999999999999")},
		{"two content-lengths", request("POST", "/", "content-length", "0", "content-length", "1")},
		{"content-length without a body", request("POST", "/", "content-length", "5")},
		{"CONNECT with a :path", request("CONNECT", "/")},
		{"CONNECT without :authority", []string{":method", "CONNECT"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.t, handled = t, false
			c.wantReset(c.open(true, tt.fields...), http2.ProtocolError)
			if handled {
				t.Error("the handler ran")
			}
		})
	}
	c.t = t
	c.want(c.get("/"), "200", "")
}

func TestContentLengthMismatch(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		t.Run(fmt.Sprintf("streamed=%v", streamed), func(t *testing.T) {
			s := serve(t, http2.Config{StreamRequestBody: streamed}, describe)
			c := s.dial()
			for _, tt := range []struct {
				length string
				sent   []int // DATA frames
			}{
				{"5", []int{3}},
				{"5", []int{6}},
				{"5", []int{3, 3}},
				{"5", []int{0}},
				{"0", []int{1}},
				{"70000", []int{16384, 16384}},
			} {
				id := c.open(false, request("POST", "/", "content-length", tt.length)...)
				for i, n := range tt.sent {
					if c.answer(id).reset {
						break
					}
					c.data(id, i == len(tt.sent)-1, make([]byte, n))
				}
				c.wantReset(id, http2.ProtocolError)
			}
			c.want(c.post("/", []byte("abc"), "content-length", "3"), "200", `POST / host=example.com scheme=http proto=HTTP/2.0 body="abc"`)
		})
	}
}

func TestHeaderLimits(t *testing.T) {
	s := serve(t, http2.Config{}, hello)
	c := s.dial()
	if n := c.settings[setMaxHeaderList]; n != 16<<10 {
		t.Errorf("SETTINGS_MAX_HEADER_LIST_SIZE %d", n)
	}
	many := func(n int) (fields []string) {
		for i := range n {
			fields = append(fields, "x-"+strconv.Itoa(i), "y")
		}
		return fields
	}
	for _, tt := range []struct {
		name, status string
		more         []string
	}{
		{"a large field", "200", []string{"x", strings.Repeat("a", 15<<10)}},
		{"a field over the limit", "431", []string{"x", strings.Repeat("a", 16<<10)}},
		{"a name over the limit", "431", []string{strings.Repeat("a", 17<<10), "x"}},
		{"fields that are too large together", "431", []string{"x", strings.Repeat("a", 9<<10), "y", strings.Repeat("b", 9<<10)}},
		{"many fields", "200", many(90)},
		{"too many fields", "431", many(101)},
		{"far too many fields", "431", many(400)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.t = t
			c.want(c.get("/", tt.more...), tt.status, "*")
			c.want(c.get("/", "x-after", "1"), "200", "hello") // the tables are in step
		})
	}
	c.t = t
	id := c.open(false, request("POST", "/", "x", strings.Repeat("a", 20<<10))...)
	c.want(id, "431", "*")
	c.want(c.open(true, request("HEAD", "/", "x", strings.Repeat("a", 20<<10))...), "431", "")
	if a := c.want(c.get("/", many(101)...), "431", "*"); a.size == 0 {
		t.Error("no body for a GET behind a HEAD")
	}
	c.sync()
}

func TestRequestBodyLimit(t *testing.T) {
	s := serve(t, http2.Config{MaxRequestBodySize: 100_000}, func(ctx *fasthttp.RequestCtx) {
		ctx.SetBodyString(strconv.Itoa(len(ctx.PostBody())))
	})
	for _, tt := range []struct {
		name, status string
		size         int
		more         []string
	}{
		{"at the limit", "200", 100_000, nil},
		{"over the limit", "413", 100_001, nil},
		{"far over the limit", "413", 2 << 20, nil},
		{"declared at the limit", "200", 100_000, []string{"content-length", "100000"}},
		{"declared over the limit", "413", 100_001, []string{"content-length", "100001"}},
		{"far over the limit, and expects", "413", 2 << 20, []string{"content-length", "2097152", "expect", "100-continue"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.dialFor(t)
			id := c.post("/", make([]byte, tt.size), tt.more...)
			a := c.want(id, tt.status, "*")
			if tt.status == "413" && len(a.info) > 0 {
				t.Errorf("asked for the body: %v", a.info)
			}
			c.want(c.post("/", make([]byte, 10)), "200", "10")
			if a.reset && a.code != http2.NoError {
				t.Errorf("reset by %v", a.code)
			}
		})
	}
}

// TestContinuation: a block may be cut anywhere, and into empty pieces.
func TestContinuation(t *testing.T) {
	s := serve(t, http2.Config{}, describe)
	c := s.dial()
	for cut := range 20 {
		id, block := c.newID(), c.encode(request("GET", "/cut")...)
		cut = min(cut, len(block))
		c.send(frame(typeHeaders, endStream, id, block[:cut]...))
		c.send(frame(typeContinuation, 0, id))
		c.send(frame(typeContinuation, endHeaders, id, block[cut:]...))
		c.want(id, "200", `GET /cut host=example.com scheme=http proto=HTTP/2.0 body=""`)
	}
	id, block := c.newID(), c.encode(request("GET", "/", "x", strings.Repeat("~", 10))...)
	c.send(frame(typeHeaders, endStream|endHeaders|padded|priority, id, slices.Concat([]byte{9, 0, 0, 0, 0, 200}, block, make([]byte, 9))...))
	c.want(id, "200", `GET / host=example.com scheme=http proto=HTTP/2.0 body=""`)
}

func TestRequestTrailers(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		t.Run(fmt.Sprintf("streamed=%v", streamed), func(t *testing.T) {
			s := serve(t, http2.Config{StreamRequestBody: streamed}, func(ctx *fasthttp.RequestCtx) {
				body := string(ctx.Request.Body())
				h := &ctx.Request.Header
				fmt.Fprintf(ctx, "%s %s", body, h.Peek("X-Sum"))
				if string(h.Host()) != "example.com" || len(h.Cookie("a"))+len(h.Peek("Authorization")) > 0 || h.ContentLength() == 9 {
					t.Errorf("forbidden trailers: %s", h)
				}
			})
			c := s.dial()
			id := c.open(false, request("POST", "/", "trailer", "x-sum")...)
			c.data(id, false, []byte("body"))
			c.send(headers(id, endStream, c.encode("x-sum", "12")))
			c.want(id, "200", "body 12")

			for name, fields := range map[string][]string{
				"a pseudo-header":    {":path", "/"},
				"an upper-case name": {"X-Sum", "1"},
				"connection":         {"connection", "close"},
				"LF in a value":      {"x-sum", "a\nb"},
			} {
				id := c.open(false, request("POST", "/")...)
				c.data(id, false, []byte("body"))
				c.send(headers(id, endStream, c.encode(fields...)))
				a := c.await(id)
				if !a.reset || a.code != http2.ProtocolError {
					t.Errorf("%s: %v", name, a)
				}
			}
			id = c.open(false, request("POST", "/")...) // fields that must not come so late (RFC 9110, section 6.5.1)
			c.data(id, false, []byte("body"))
			c.send(headers(id, endStream, c.encode("x-sum", "1", "host", "evil.example", "cookie", "a=b", "authorization", "x", "content-length", "9")))
			c.want(id, "200", "body 1")
			id = c.open(false, request("POST", "/")...)
			c.send(headers(id, 0, c.encode("x-sum", "1"))) // no END_STREAM: RFC 9113, section 8.1
			c.wantReset(id, http2.ProtocolError)
		})
	}
}

// TestSecure: over TLS a handler sees so, and what is pushed is promised on https.
func TestSecure(t *testing.T) {
	cert, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/page" {
			_ = http2.StreamOf(ctx).Push("/pushed")
		}
		fmt.Fprintf(ctx, "%v %s %s %d", ctx.IsTLS(), ctx.URI(), ctx.TLSConnectionState().NegotiatedProtocol, http2.StreamOf(ctx).ID())
	})
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s.wg.Go(func() {
		if nc, err := l.Accept(); err == nil {
			s.serveConn(nc)
		}
	})
	nc, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	c := newClient(t, net.Conn(nc))
	fields := request("GET", "/page")
	fields[3] = "https"
	c.want(c.open(true, fields...), "200", "true https://example.com/page h2 1")
	if a := c.want(2, "200", "true https://example.com/pushed h2 2"); fieldOf(a.promised, ":scheme") != "https" {
		t.Errorf("promised: %v", a.promised)
	}
	s.end()
	c.untilEnd()
	if !c.closed() || len(c.goaways) != 2 {
		t.Errorf("ended by %v, GOAWAY %v", c.err, c.goaways)
	}
}

// TestInline: handlers that may run in the reader's goroutine answer as all do.
func TestInline(t *testing.T) {
	inline := 0
	s := serve(t, http2.Config{Inline: func(ctx *fasthttp.RequestCtx) bool {
		inline++
		return strings.HasPrefix(string(ctx.Path()), "/fast")
	}}, func(ctx *fasthttp.RequestCtx) {
		switch string(ctx.Path()) {
		case "/fast-stream":
			ctx.SetBodyStream(strings.NewReader("streamed"), -1)
		case "/fast-reset":
			http2.StreamOf(ctx).Reset(http2.Cancel)
		case "/fast-push":
			_ = http2.StreamOf(ctx).Push("/fast")
			ctx.SetBodyString("page")
		case "/fast-large":
			ctx.SetBody(make([]byte, 100_000))
		default:
			ctx.SetBody(append(ctx.Path(), ctx.PostBody()...))
		}
	})
	c := s.dial()
	for range 3 {
		before := inline
		ids := []uint32{c.get("/fast"), c.get("/slow"), c.get("/fast-stream"), c.get("/fast-reset"), c.get("/fast-push"), c.get("/fast-large")}
		c.want(ids[0], "200", "/fast")
		c.want(ids[1], "200", "/slow")
		c.want(ids[2], "200", "streamed")
		c.wantReset(ids[3], http2.Cancel)
		c.want(ids[4], "200", "page")
		c.want(c.lastPush, "200", "/fast")
		if a := c.want(ids[5], "200", "*"); a.size != 100_000 {
			t.Errorf("%d bytes", a.size)
		}
		if inline-before != 6 {
			t.Errorf("asked %d times", inline-before)
		}
		c.want(c.post("/fast", []byte("body")), "200", "/fastbody")
		if inline-before != 6 {
			t.Error("a request with a body is handled inline")
		}
	}
}
