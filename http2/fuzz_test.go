package http2_test

import (
	"bytes"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// busy is a handler with a bit of everything that a client can drive.
func busy(ctx *fasthttp.RequestCtx) {
	st := http2.StreamOf(ctx)
	switch {
	case st.Protocol() != "":
		st.Hijack(echo)
	case ctx.IsPost():
		ctx.SetBody(ctx.Request.Body())
	case string(ctx.Path()) == "/push":
		_ = st.Push("/pushed")
		_ = st.EarlyHints([]string{"</pushed>; rel=preload"})
	case string(ctx.Path()) == "/stream":
		ctx.SetBodyStream(strings.NewReader(strings.Repeat("x", 100_000)), -1)
	case string(ctx.Path()) == "/large":
		ctx.SetBody(make([]byte, 100_000))
	default:
		ctx.SetBodyString("hello")
	}
}

// FuzzConn: whatever comes after the preface, the connection ends when the client has ended, without a panic, and leaves nothing.
func FuzzConn(f *testing.F) {
	get := headers(1, endStream, plainRequest("/"))
	post := headers(1, 0, append([]byte{0x83}, plainRequest("/")[1:]...))
	connect := headers(1, 0, []byte("\x02\x07CONNECT\x00\x09:protocol\x09websocket\x86\x84\x01\x01a"))
	for _, parts := range [][][]byte{
		{},
		{get},
		{get, headers(3, endStream, plainRequest("/large")), windowUpdate(0, 1000), windowUpdate(3, 1000), settings(setInitialWindow, 0)},
		{headers(1, endStream, plainRequest("/stream")), rstStream(1, http2.Cancel), settings(setInitialWindow, 1<<20)},
		{headers(1, endStream, plainRequest("/push")), rstStream(2, http2.Cancel), frame(typePriorityUpdate, 0, 0, 0, 0, 0, 1, 'u', '=', '1')},
		{post, frame(typeData, padded, 1, 2, 'x', 0, 0), headers(1, endStream, []byte("\x00\x01x\x01y"))},
		{post, frame(typeData, endStream, 1, 'x'), frame(typeData, 0, 1)},
		{connect, frame(typeData, 0, 1, 'x'), rstStream(1, http2.Cancel)},
		{connect, frame(typeData, endStream, 1, 'x'), frame(typeGoAway, 0, 0, make([]byte, 8)...)},
		{frame(typeHeaders, endStream, 1, 0x82), frame(typeContinuation, 0, 1), frame(typeContinuation, endHeaders, 1, 0x86, 0x84, 0x01, 0x01, 'a')},
		{frame(typeHeaders, endStream|endHeaders|padded|priority, 1, 1, 0, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0)},
		{settings(setHeaderTable, 0, setMaxFrame, 1<<24-1, setEnablePush, 0), frame(typePing, 0, 0, make([]byte, 8)...), get},
		{frame(typePriority, 0, 3, 0, 0, 0, 1, 1), frame(typeUnknown, 0xff, 9, 1, 2, 3)},
		{[]byte{0, 0x40, 0, 0}},
	} {
		f.Add(bytes.Join(parts, nil), false, uint16(100))
		f.Add(bytes.Join(parts, nil), true, uint16(7))
	}
	f.Fuzz(func(t *testing.T, data []byte, streamed bool, piece uint16) {
		srv := &http2.Server{Handler: busy, Config: http2.Config{
			StreamRequestBody: streamed, ExtendedConnect: true, StreamWindow: 1 << 16, ConnWindow: 1 << 16,
		}}
		near, far := pipe(1 << 12)
		done := make(chan error, 1)
		go func() { done <- srv.ServeConn(far) }()
		go drain(near)
		_, _ = near.Write(slices.Concat([]byte(clientPreface), settings()))
		for rest := data; len(rest) > 0; {
			n := min(len(rest), int(piece)+1)
			if _, err := near.Write(rest[:n]); err != nil {
				break
			}
			rest = rest[n:]
		}
		_ = near.CloseWrite()
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatal("the connection does not end")
		}
		_ = near.Close()
		_ = srv.Shutdown(t.Context())
		deep := runs.Add(1)%64 == 1
		for end := time.Now().Add(patience); left(srv, deep); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("left behind: %+v\n%s", srv.Stats(), strings.Join(engineGoroutines(), "\n\n"))
			}
		}
	})
}

var runs atomic.Int64

// left reports whether a server has something left; deep: goroutines, too, which takes longer than all the rest.
func left(srv *http2.Server, deep bool) bool {
	st := srv.Stats()
	return st.Conns > 0 || st.Streams > 0 || st.Handlers > 0 || deep && len(engineGoroutines()) > 0
}

// drain reads to the end.
func drain(nc *memConn) {
	buf := make([]byte, 4096)
	for {
		if _, err := nc.Read(buf); err != nil {
			return
		}
	}
}

// FuzzRequest: a header list of any names and values reaches the handler with nothing that HTTP/1 could not say, or is refused.
func FuzzRequest(f *testing.F) {
	for _, list := range []string{
		":method GET\n:scheme http\n:path /\n:authority a",
		":method POST\n:scheme http\n:path /x?y\nhost a\ncontent-length 0",
		":method OPTIONS\n:scheme http\n:path *\n:authority a",
		":method CONNECT\n:authority a:80",
		":method GET\n:scheme http\n:path /\n:authority a\ncookie a=b\ncookie c=d\nx-y z",
		":method GET\n:scheme http\n:path //x\n:authority a\nte trailers",
		":method GET\n:scheme http\n:path /\n:authority a\nConnection close",
		":path /\n:method GET\n:scheme https\nhost a@b",
	} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		if len(list) > 64<<10 {
			return // a list of many times the limit ends the connection
		}
		handled := false
		srv := &http2.Server{Handler: func(ctx *fasthttp.RequestCtx) {
			handled = true
			checkSane(t, ctx)
		}}
		near, far := pipe(1 << 20)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = srv.ServeConn(far)
		}()
		c := newClient(t, near)
		_ = near.SetDeadline(time.Now().Add(patience))
		var fields []string
		for line := range strings.SplitSeq(list, "\n") {
			name, value, _ := strings.Cut(line, " ")
			fields = append(fields, name, value)
		}
		id := c.open(true, fields...)
		a := c.answer(id)
		for !a.ended && !a.reset {
			if _, err := c.read(); err != nil {
				t.Fatalf("%q ended the connection: %v, GOAWAY %v", list, err, c.goaways)
			}
		}
		switch {
		case a.reset && handled:
			t.Errorf("%q: handled and reset by %v", list, a.code)
		case a.reset && a.code != http2.ProtocolError:
			t.Errorf("%q: reset by %v", list, a.code)
		case !a.reset && !handled && a.status() != "431":
			t.Errorf("%q: answered %v without the handler", list, a)
		}
		_ = near.Close()
		<-done
	})
}

// checkSane looks for what a handler must never see.
func checkSane(t *testing.T, ctx *fasthttp.RequestCtx) {
	h := &ctx.Request.Header
	if len(h.Method()) == 0 || strings.ContainsAny(string(h.Method()), " \r\n\x00:") {
		t.Errorf("method %q", h.Method())
	}
	uri := string(h.RequestURI())
	if uri == "" || (uri[0] != '/' && uri != "*" && !ctx.IsConnect()) || strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		t.Errorf("URI %q", uri)
	}
	if strings.ContainsAny(string(h.Host()), " /\\@?#\r\n\x00") {
		t.Errorf("host %q", h.Host())
	}
	for name, value := range h.All() {
		if len(name) == 0 || bytes.ContainsAny(name, " :\r\n\x00") {
			t.Errorf("name %q", name)
		}
		if bytes.ContainsAny(value, "\r\n\x00") || bytes.HasPrefix(value, []byte(" ")) || bytes.HasSuffix(value, []byte(" ")) {
			t.Errorf("%s: %q", name, value)
		}
		switch string(bytes.ToLower(name)) {
		case "connection", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection":
			t.Errorf("%s: %s", name, value)
		}
	}
	if len(h.PeekAll("Host")) > 1 || len(h.PeekAll("Content-Length")) > 1 {
		t.Errorf("two of one: %s", h)
	}
	_ = ctx.URI().String()
}
