//go:build !race && !quartdebug

package http2_test

import (
	"encoding/binary"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// exchange sends a request and reads its response, without allocating.
type exchange struct {
	t       *testing.T
	nc      io.ReadWriter
	request []byte // HEADERS, and DATA
	ids     []int  // where in it the stream's identifier stands
	path    []byte // eight bytes of the request that change each time, or nil
	id      uint32
	n       int
	buf     []byte
	read    int // unread bytes of buf
	size    int // of the response's body
}

func (x *exchange) do() {
	for _, at := range x.ids {
		binary.BigEndian.PutUint32(x.request[at:], x.id)
	}
	if x.path != nil {
		x.n++
		for i, n := len(x.path)-1, x.n; i >= 0; i, n = i-1, n/10 {
			x.path[i] = '0' + byte(n%10)
		}
	}
	if _, err := x.nc.Write(x.request); err != nil {
		x.t.Fatal(err)
	}
	x.size = 0
	for !x.frame() {
	}
	x.id += 2
}

// frame reads one frame and reports whether it is the end of the response.
func (x *exchange) frame() bool {
	x.fill(frameHeader)
	n := int(x.buf[0])<<16 | int(x.buf[1])<<8 | int(x.buf[2])
	x.fill(frameHeader + n)
	typ, flags, id := x.buf[3], x.buf[4], binary.BigEndian.Uint32(x.buf[5:])
	x.read = copy(x.buf, x.buf[frameHeader+n:x.read])
	if typ == typeRSTStream || typ == typeGoAway {
		x.t.Fatalf("frame %d on stream %d", typ, id)
	}
	if typ == typeData {
		x.size += n
	}
	return id == x.id && (typ == typeHeaders || typ == typeData) && flags&endStream != 0
}

// fill reads until n bytes are there.
func (x *exchange) fill(n int) {
	for x.read < n {
		m, err := x.nc.Read(x.buf[x.read:])
		if err != nil {
			x.t.Fatal(err)
		}
		x.read += m
	}
}

// TestAllocs: no allocation for a request, whatever it is like, from the bytes of its frames to those of the response.
func TestAllocs(t *testing.T) {
	post := slices.Concat([]byte{0x83}, plainRequest("/")[1:], []byte("\x0f\x0d\x041024")) // content-length, not indexed
	fields := slices.Concat(plainRequest("/"), []byte{0x90}, []byte("\x7a\x04test"), []byte("\x40\x03x-a\x03one"), []byte("\x60\x03a=b"))
	var body []byte
	for i := range 1024 {
		body = append(body, byte(i))
	}
	unique := plainRequest("/users/00000000")
	for _, tt := range []struct {
		name     string
		block    []byte
		data     []byte
		path     bool
		response int
		cfg      http2.Config
	}{
		{name: "repeated GET", block: plainRequest("/"), response: 5},
		{name: "GET with fields", block: fields, response: 5},
		{name: "GET, inline", block: plainRequest("/"), response: 5, cfg: http2.Config{Inline: func(*fasthttp.RequestCtx) bool { return true }}},
		{name: "unique paths", block: unique, path: true, response: 5},
		{name: "POST 1K", block: post, data: body, response: 5},
		{name: "POST 1K, streamed", block: post, data: body, response: 5, cfg: http2.Config{StreamRequestBody: true}},
		{name: "64 KiB back", block: plainRequest("/large"), response: 64 << 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			large, small, scratch := pattern(64<<10), []byte("hello"), make([]byte, 512)
			s := serveMem(t, tt.cfg, func(ctx *fasthttp.RequestCtx) {
				if len(ctx.Path()) == 6 {
					ctx.Response.SetBodyRaw(large)
					return
				}
				if ctx.IsPost() {
					if r := ctx.RequestBodyStream(); r != nil {
						readAll(r, scratch)
					} else if len(ctx.PostBody()) != 1024 {
						ctx.Error("body", 400)
						return
					}
				}
				ctx.Response.SetBodyRaw(small)
			})
			c := s.dialMem(1<<20, setInitialWindow, biggestWindow)
			c.send(windowUpdate(0, biggestWindow-defaultWindow))
			c.sync()
			x := &exchange{t: t, nc: c.nc, id: 1, buf: make([]byte, 256<<10)}
			x.build(tt.block, tt.data, tt.path)
			for range 200 {
				x.do()
			}
			if x.size != tt.response {
				t.Fatalf("a response of %d bytes, want %d", x.size, tt.response)
			}
			if allocs := fewestAllocs(1000, x.do); allocs != 0 {
				t.Errorf("%v allocations for a request", allocs)
			}
		})
	}
}

// build makes the request of a block and a body.
func (x *exchange) build(block, data []byte, path bool) {
	flags := endStream
	if data != nil {
		flags = 0
	}
	x.request = headers(1, flags, block)
	x.ids = []int{5}
	if path {
		at := frameHeader + len(block) - 3 - 8 // in front of :authority
		x.path = x.request[at : at+8]
	}
	if data != nil {
		x.ids = append(x.ids, len(x.request)+5)
		x.request = append(x.request, frame(typeData, endStream, 1, data...)...)
	}
}

// readAll reads to the end.
func readAll(r io.Reader, buf []byte) (n int) {
	for {
		m, err := r.Read(buf)
		if n += m; err != nil {
			return n
		}
	}
}

// fewestAllocs is the least of what some measurements of f say: what other tests have left behind allocates, too, and so does a
// pool that was emptied.
func fewestAllocs(runs int, f func()) float64 {
	n := testing.AllocsPerRun(runs, f)
	for range 4 {
		n = min(n, testing.AllocsPerRun(runs, f))
	}
	return n
}

// TestTunnelAllocs: none for a message through a hijacked stream, each way.
func TestTunnelAllocs(t *testing.T) {
	s := serveMem(t, http2.Config{ExtendedConnect: true}, func(ctx *fasthttp.RequestCtx) {
		http2.StreamOf(ctx).Hijack(func(s *http2.Stream) {
			buf := make([]byte, 1024)
			for {
				n, err := s.Read(buf)
				if err != nil {
					break
				}
				if _, err := s.Write(buf[:n]); err != nil {
					break
				}
			}
			_ = s.Close()
		})
	})
	c := s.dialMem(1<<20, setInitialWindow, biggestWindow)
	c.send(windowUpdate(0, biggestWindow-defaultWindow))
	id := c.open(false, extended("websocket", "/")...)
	c.head(id)
	c.sync()
	x := &exchange{t: t, nc: c.nc, id: id, buf: make([]byte, 64<<10), request: frame(typeData, 0, id, make([]byte, 100)...)}
	message := func() {
		if _, err := x.nc.Write(x.request); err != nil {
			t.Fatal(err)
		}
		for x.size = 0; x.size < 100; {
			x.frame()
		}
	}
	for range 100 {
		message()
	}
	if allocs := fewestAllocs(1000, message); allocs != 0 {
		t.Errorf("%v allocations for a message", allocs)
	}
	_ = c.nc.Close()
}

// TestIdleMemory: what a connection holds that waits for its next request.
func TestIdleMemory(t *testing.T) {
	s := serveMem(t, http2.Config{}, hello)
	const n = 500
	open := func() {
		c := s.dialMem(4 << 10)
		c.want(c.get("/"), "200", "hello")
		*c = client{}
	}
	for range 10 {
		open()
	}
	before := heap()
	for range n {
		open()
	}
	per := int(heap()-before) / n
	const pipes = 2*4<<10 + 1<<10 // of the test's connections
	t.Logf("%d bytes for an idle connection", per-pipes)
	if per-pipes > 16<<10 {
		t.Errorf("%d bytes for an idle connection", per-pipes)
	}
}

// heap returns the bytes in use, stacks included, once the server had time to let go what it does not need.
func heap() uint64 {
	least := uint64(1 << 62)
	for range 5 {
		time.Sleep(50 * time.Millisecond)
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		least = min(least, m.HeapInuse+m.StackInuse)
	}
	return least
}
