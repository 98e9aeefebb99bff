package http2_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// TestResponses: statuses, and which responses have a body or a length.
func TestResponses(t *testing.T) {
	s := serve(t, http2.Config{NoDefaultDate: true}, func(ctx *fasthttp.RequestCtx) {
		switch string(ctx.Path()) {
		case "/empty":
		case "/404":
			ctx.Error("nope", 404)
		case "/204":
			ctx.Response.Header.SetNoDefaultContentType(true)
			ctx.SetStatusCode(204)
			ctx.SetBodyString("never sent")
		case "/304":
			ctx.Response.Header.SetNoDefaultContentType(true)
			ctx.SetStatusCode(304)
			ctx.Response.Header.Set("Etag", `"x"`)
			ctx.SetBodyString("never sent")
		case "/299":
			ctx.SetStatusCode(299)
		case "/fields":
			ctx.Response.Header.Set("X-MiXed", "Case")
			ctx.Response.Header.Add("Set-Cookie", "a=b")
			ctx.Response.Header.Add("Set-Cookie", "c=d")
			ctx.Response.Header.Set("Transfer-Encoding", "chunked")
			ctx.Response.Header.Set("Keep-Alive", "timeout=5")
			ctx.Response.Header.Set("Proxy-Connection", "x")
			ctx.Response.Header.Set("Upgrade", "x")
		case "/stream":
			ctx.SetBodyStream(strings.NewReader("streamed"), -1)
		case "/sized":
			ctx.SetBodyStream(strings.NewReader("streamed"), 8)
		case "/short":
			ctx.SetBodyStream(strings.NewReader("streamed"), 80)
		case "/long":
			ctx.SetBodyStream(strings.NewReader("streamed"), 4)
		case "/fails":
			ctx.SetBodyStream(io.MultiReader(strings.NewReader("part"), failing{}), -1)
		}
	})
	c := s.dial()
	for _, tt := range []struct{ path, status, body, fields string }{
		{"/empty", "200", "", ":status: 200\ncontent-length: 0\n"},
		{"/404", "404", "nope", ":status: 404\ncontent-length: 4\ncontent-type: text/plain; charset=utf-8\n"},
		{"/204", "204", "", ":status: 204\n"},
		{"/304", "304", "", ":status: 304\netag: \"x\"\n"},
		{"/299", "299", "", ":status: 299\ncontent-length: 0\n"},
		{"/fields", "200", "", ":status: 200\ncontent-length: 0\nset-cookie: a=b\nset-cookie: c=d\nx-mixed: Case\n"},
		{"/stream", "200", "streamed", ":status: 200\ncontent-type: text/plain; charset=utf-8\n"},
		{"/sized", "200", "streamed", ":status: 200\ncontent-length: 8\ncontent-type: text/plain; charset=utf-8\n"},
	} {
		a := c.want(c.get(tt.path), tt.status, tt.body)
		got := strings.Split(strings.TrimSpace(lines(a)), "\n")
		slices.Sort(got)
		if got := strings.Join(got, "\n") + "\n"; got != tt.fields {
			t.Errorf("%s:\n%swant\n%s", tt.path, got, tt.fields)
		}
	}
	for _, path := range []string{"/short", "/long", "/fails"} {
		c.wantReset(c.get(path), http2.InternalError)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestResponseEncoding: what a response says every time costs a few bytes (RFC 7541), and secrets stay out of the tables.
func TestResponseEncoding(t *testing.T) {
	s := serve(t, http2.Config{Name: "quart"}, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/cookie" {
			ctx.Response.Header.Set("Set-Cookie", "session="+strconv.Itoa(int(ctx.ID())))
		}
		ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
		ctx.Response.Header.Set("Cache-Control", "no-cache, private")
		ctx.SetBodyString("Hello, World!")
	})
	c := s.dial()
	var a *answer
	for range 3 {
		a = c.want(c.get("/"), "200", "Hello, World!")
	}
	if a.blocks[0] > 12 {
		t.Errorf("the head of the third response takes %d bytes: %v", a.blocks[0], a.fields)
	}
	for range 3 {
		a = c.want(c.get("/cookie"), "200", "Hello, World!")
	}
	for _, f := range a.fields {
		if f.Name == "set-cookie" && !f.Sensitive && len(f.Value) < 20 {
			t.Errorf("a short cookie may be indexed: %v", f)
		}
	}
}

// TestTableSizes: the client's table may be any size, and change.
func TestTableSizes(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		for i := range 20 {
			ctx.Response.Header.Set("X-"+strconv.Itoa(i), strings.Repeat("v", i))
		}
		ctx.Response.Header.Set("X-Path", string(ctx.Path()))
	})
	for _, size := range []uint32{0, 1, 100, 4096, 65536} {
		c := s.dial(setHeaderTable, size)
		c.dec.SetAllowedMaxDynamicTableSize(size)
		check := func() {
			t.Helper()
			for i := range 10 {
				path := "/" + strconv.Itoa(i)
				if a := c.want(c.get(path), "200", ""); a.field("x-path") != path || a.field("x-19") != strings.Repeat("v", 19) {
					t.Fatalf("size %d: %v", size, a.fields)
				}
			}
		}
		check()
		for _, next := range []uint32{0, 200, 4096} {
			before := c.acked
			c.send(settings(setHeaderTable, 0, setHeaderTable, next))
			c.until("ACK", func() bool { return c.acked > before })
			c.dec.SetAllowedMaxDynamicTableSize(next)
			check()
		}
	}
}

// TestHugeHead: a head over a frame goes on in CONTINUATION.
func TestHugeHead(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		n, _ := strconv.Atoi(string(ctx.QueryArgs().Peek("n")))
		ctx.Response.Header.Set("X-Huge", strings.Repeat("\x7e", n)) // 13 bits in the Huffman code: sent as it is
		ctx.SetBodyString("hello")
	})
	c := s.dial()
	c.dec.SetMaxStringLength(1 << 20)
	for _, n := range []int{16_000, 16_383, 16_384, 17_000, 40_000, 200_000} {
		a := c.want(c.get("/?n="+strconv.Itoa(n)), "200", "hello")
		if got := len(a.field("x-huge")); got != n {
			t.Errorf("%d bytes of %d", got, n)
		}
	}
}

// summing knows a trailer when it is read.
type summing struct {
	*strings.Reader
	resp *fasthttp.Response
}

func (r *summing) WriteTo(w io.Writer) (int64, error) {
	n, err := r.Reader.WriteTo(w)
	r.resp.Header.Set("X-Sum", "late")
	return n, err
}

func TestResponseTrailers(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		_ = ctx.Response.Header.SetTrailer("X-Sum, X-Missing")
		switch string(ctx.Path()) {
		case "/stream":
			ctx.SetBodyStream(&summing{Reader: strings.NewReader("body"), resp: &ctx.Response}, -1)
		case "/empty":
			ctx.Response.Header.Set("X-Sum", "none")
		default:
			ctx.Response.Header.Set("X-Sum", "12")
			ctx.SetBodyString("body")
		}
	})
	c := s.dial()
	for _, tt := range []struct{ path, body, sum string }{{"/", "body", "12"}, {"/stream", "body", "late"}, {"/empty", "", "none"}} {
		a := c.want(c.get(tt.path), "200", tt.body)
		if got := fieldOf(a.trailers, "x-sum"); got != tt.sum || a.field("x-sum") != "" {
			t.Errorf("%s: trailers %v, fields %v", tt.path, a.trailers, a.fields)
		}
	}
}

// TestContinue: a client that waits is told to go on when the handler wants the body, at once where it is read before the handler runs.
func TestContinue(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		t.Run(fmt.Sprintf("streamed=%v", streamed), func(t *testing.T) {
			s := serve(t, http2.Config{StreamRequestBody: streamed}, func(ctx *fasthttp.RequestCtx) {
				if string(ctx.Path()) == "/no" {
					ctx.SetStatusCode(403)
					return
				}
				ctx.SetBody(ctx.Request.Body())
			})
			c := s.dial()
			id := c.open(false, request("POST", "/", "expect", "100-continue", "content-length", "4")...)
			c.until("100", func() bool { return len(c.answer(id).info) > 0 })
			if got := fieldOf(c.answer(id).info[0], ":status"); got != "100" {
				t.Errorf("status %s", got)
			}
			c.data(id, true, []byte("body"))
			if a := c.want(id, "200", "body"); len(a.info) != 1 {
				t.Errorf("%d informational responses", len(a.info))
			}
			if a := c.want(c.post("/", []byte("body")), "200", "body"); len(a.info) != 0 {
				t.Error("100 without Expect")
			}
			if !streamed {
				return
			}
			id = c.open(false, request("POST", "/no", "expect", "100-continue")...)
			if a := c.want(id, "403", ""); len(a.info) != 0 {
				t.Error("100 and then 403")
			}
		})
	}
}

// TestConfigureRefuses: what a fasthttp.Server refuses by its options it refuses over HTTP/2 as well, before the body is read.
func TestConfigureRefuses(t *testing.T) {
	get := &fasthttp.Server{GetOnly: true}
	ask := &fasthttp.Server{ContinueHandler: func(h *fasthttp.RequestHeader) bool { return string(h.RequestURI()) == "/yes" }}
	askMore := &fasthttp.Server{ExpectHandler: func(ctx *fasthttp.RequestCtx) int {
		status, _ := ctx.QueryArgs().GetUint("s")
		return status
	}}
	for _, tt := range []struct {
		fs           *fasthttp.Server
		method, path string
		expect       bool
		status       string
	}{
		{get, "GET", "/", false, "200"},
		{get, "POST", "/", false, "400"},
		{get, "POST", "/", true, "400"},
		{ask, "POST", "/yes", true, "200"},
		{ask, "POST", "/no", false, "200"},
		{ask, "POST", "/no", true, "417"},
		{ask, "PUT", "/no", true, "417"},
		{askMore, "POST", "/?s=100", true, "200"},
		{askMore, "POST", "/?s=413", true, "413"},
		{askMore, "POST", "/?s=413", false, "200"},
		{askMore, "POST", "/?s=101", true, "417"},
		{askMore, "POST", "/?s=204", true, "417"},
	} {
		for _, streamed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %s expect=%v streamed=%v", tt.method, tt.path, tt.expect, streamed), func(t *testing.T) {
				fs := &fasthttp.Server{Handler: hello, GetOnly: tt.fs.GetOnly, ContinueHandler: tt.fs.ContinueHandler, ExpectHandler: tt.fs.ExpectHandler}
				s := serveMem(t, http2.Config{StreamRequestBody: streamed}, nil)
				s.srv.Configure(fs)
				c := s.dialMem(1 << 16)
				_ = c.nc.SetDeadline(time.Now().Add(patience))
				var more []string
				if tt.expect {
					more = []string{"expect", "100-continue"}
				}
				id := c.open(false, request(tt.method, tt.path, more...)...)
				if tt.status == "200" {
					c.data(id, true, []byte("abc"))
				}
				if a := c.want(id, tt.status, "*"); tt.status != "200" && len(a.info) > 0 {
					t.Errorf("asked for the body: %v", a.info)
				}
				c.want(c.get("/"), "200", "hello")
			})
		}
	}
}

// TestEarlyResponse: a response may be complete before the request; what is left of it is refused without an error (RFC 9113, section 8.1).
func TestEarlyResponse(t *testing.T) {
	s := serve(t, http2.Config{StreamRequestBody: true}, hello)
	c := s.dial()
	id := c.open(false, request("POST", "/")...)
	c.want(id, "200", "hello")
	c.until("RST_STREAM", func() bool { return c.answer(id).reset })
	if a := c.answer(id); a.code != http2.NoError {
		t.Errorf("reset by %v", a.code)
	}
	c.data(id, true, make([]byte, 1000))
	c.want(c.get("/"), "200", "hello")
}

func TestEarlyHints(t *testing.T) {
	links := []string{"</style.css>; rel=preload; as=style; nopush", "<https://cdn.example>; rel=preconnect"}
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		st := http2.StreamOf(ctx)
		if err := st.EarlyHints(links[:1]); err != nil {
			ctx.Error(err.Error(), 500)
			return
		}
		if err := st.EarlyHints(links); err != nil {
			ctx.Error(err.Error(), 500)
			return
		}
		ctx.SetBodyString("page")
	})
	c := s.dial()
	a := c.want(c.get("/"), "200", "page")
	if len(a.info) != 2 || fieldOf(a.info[0], ":status") != "103" || fieldOf(a.info[1], "link") != strings.Join(links, ",") {
		t.Errorf("informational: %v", a.info)
	}
	a = c.want(c.open(true, request("HEAD", "/")...), "200", "")
	if len(a.info) != 2 {
		t.Errorf("HEAD: %v", a.info)
	}
}

func TestOverride(t *testing.T) {
	type call struct {
		s    *http2.Stream
		done chan struct{}
	}
	calls := make(chan call)
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		k := call{http2.StreamOf(ctx), make(chan struct{})}
		if string(ctx.Path()) == "/" {
			calls <- k
			<-k.done
		}
		ctx.SetBodyString("too late")
	})
	c := s.dial()
	for range 3 {
		id := c.get("/")
		k := <-calls
		if !k.s.Override(503, []byte("took too long"), "retry-after", "1") {
			t.Error("not possible")
		}
		if k.s.Override(500, nil) {
			t.Error("possible twice")
		}
		if a := c.want(id, "503", "took too long"); a.field("retry-after") != "1" || a.field("content-length") != "13" {
			t.Error(a)
		}
		close(k.done)
		c.want(c.get("/other"), "200", "too late")
	}
	id := c.open(true, request("HEAD", "/")...)
	k := <-calls
	k.s.Override(503, []byte("took too long"))
	if a := c.want(id, "503", ""); a.field("content-length") != "13" {
		t.Error(a)
	}
	close(k.done)
}

// TestTimeoutError: a response by RequestCtx.TimeoutError goes out while the handler's goroutine may still use its own.
func TestTimeoutError(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		ctx.SetBodyString("half")
		ctx.TimeoutErrorWithCode("timeout", 504)
		go ctx.SetBodyString("late")
	})
	c := s.dial()
	for range 20 {
		c.want(c.get("/"), "504", "timeout")
	}
}

// TestHijackOfFasthttp: RequestCtx.Hijack has no connection to give away.
func TestHijackOfFasthttp(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) { ctx.Hijack(func(net.Conn) {}) })
	c := s.dial()
	c.want(c.get("/"), "501", "*")
}

// TestRequestCtx: what a handler may ask its RequestCtx.
func TestRequestCtx(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		st := http2.StreamOf(ctx)
		fmt.Fprintf(ctx, "%d %v %v %v %v", st.ID(), ctx.RemoteAddr() != nil, ctx.LocalAddr() != nil, ctx.IsTLS(), ctx.UserValue("k"))
		ctx.SetUserValue("k", "leaks into the next request")
	})
	c := s.dial()
	for range 4 {
		id := c.get("/")
		c.want(id, "200", fmt.Sprintf("%d true true false <nil>", id))
	}
}

// TestInterleaved: nothing of a request or its response shows up in another.
func TestInterleaved(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		ctx.Response.Header.SetBytesV("X-Echo", ctx.Request.Header.Peek("X-Name"))
		ctx.SetBody(append(ctx.PostBody(), ctx.Path()...))
	})
	c := s.dial()
	var block bytes.Buffer
	want := map[uint32]string{}
	for i := range 200 {
		name := "n" + strconv.Itoa(i)
		id := c.newID()
		if i%2 == 0 {
			block.Write(headers(id, endStream, c.encode(request("GET", "/"+name, "x-name", name)...)))
			want[id] = name + " /" + name
			continue
		}
		block.Write(headers(id, 0, c.encode(request("POST", "/"+name, "x-name", name)...)))
		block.Write(frame(typeData, endStream, id, []byte(strings.Repeat(name, i))...))
		want[id] = name + " " + strings.Repeat(name, i) + "/" + name
	}
	c.send(block.Bytes())
	for id, text := range want {
		a := c.await(id)
		if got := a.field("x-echo") + " " + string(a.body); got != text {
			t.Errorf("stream %d: %.100q, want %.100q", id, got, text)
		}
	}
}
