package http2_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// pattern returns n bytes in which no two pieces are alike.
func pattern(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; i+8 <= n; i += 8 {
		v := r.Uint64()
		for j := range 8 {
			b[i+j] = byte(v >> (8 * j))
		}
	}
	return b
}

// download answers with the first n bytes of big, streamed for /stream.
func download(big []byte) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		n, _ := strconv.Atoi(string(ctx.QueryArgs().Peek("n")))
		switch string(ctx.Path()) {
		case "/stream":
			ctx.SetBodyStream(bytes.NewReader(big[:n]), -1)
		case "/sized":
			ctx.SetBodyStream(bytes.NewReader(big[:n]), n)
		case "/writer":
			ctx.SetBodyStreamWriter(func(w *bufio.Writer) { _, _ = w.Write(big[:n]) })
		default:
			ctx.Response.SetBodyRaw(big[:n])
		}
	}
}

// TestLargeResponses: 10 MiB in each way a handler can answer.
func TestLargeResponses(t *testing.T) {
	big := pattern(10 << 20)
	s := serve(t, http2.Config{}, download(big))
	c := s.dial()
	for _, path := range []string{"/", "/stream", "/sized", "/writer"} {
		for _, n := range []int{0, 1, frameLimit, frameLimit + 1, defaultWindow, defaultWindow + 1, len(big)} {
			a := c.want(c.get(path+"?n="+strconv.Itoa(n)), "200", "*")
			if a.size != n || a.sum != sumOf(big[:n]) {
				t.Errorf("%s: %d bytes of %d, or others", path, a.size, n)
			}
		}
	}
}

// TestLargeRequests: 10 MiB, gathered and streamed.
func TestLargeRequests(t *testing.T) {
	big := pattern(10 << 20)
	for _, streamed := range []bool{false, true} {
		t.Run(fmt.Sprintf("streamed=%v", streamed), func(t *testing.T) {
			s := serve(t, http2.Config{StreamRequestBody: streamed, MaxRequestBodySize: 10 << 20}, func(ctx *fasthttp.RequestCtx) {
				if !streamed {
					fmt.Fprint(ctx, len(ctx.PostBody()), sumOf(ctx.PostBody()))
					return
				}
				body, err := io.ReadAll(ctx.RequestBodyStream())
				fmt.Fprint(ctx, len(body), sumOf(body), err)
			})
			c := s.dial()
			for _, n := range []int{1, frameLimit, defaultWindow, 256 << 10, len(big)} {
				want := fmt.Sprint(n, sumOf(big[:n]))
				if streamed {
					want = fmt.Sprint(n, sumOf(big[:n]), error(nil))
				}
				c.want(c.post("/", big[:n]), "200", want)
				c.want(c.post("/", big[:n], "content-length", strconv.Itoa(n)), "200", want)
			}
		})
	}
}

// TestTinyWindow: a client may take one byte at a time, and none at all (RFC 9113, section 6.9).
func TestTinyWindow(t *testing.T) {
	big := pattern(1000)
	s := serve(t, http2.Config{}, download(big))
	for _, path := range []string{"/?n=100", "/stream?n=100"} {
		c := s.dial(setInitialWindow, 1)
		a := c.want(c.get(path), "200", string(big[:100]))
		for _, n := range a.data {
			if n > 1 {
				t.Fatalf("%s: %d bytes in a window of 1", path, n)
			}
		}
		c = s.dial(setInitialWindow, 0)
		c.stingy = true
		id := c.get(path)
		c.head(id)
		c.sync()
		if a = c.answer(id); a.size != 0 || a.ended {
			t.Fatalf("%s: %v in a window of 0", path, a)
		}
		for i := range 100 {
			c.send(windowUpdate(id, 1))
			c.until("a byte", func() bool { return a.size == i+1 })
		}
		c.want(id, "200", string(big[:100]))
	}
}

// TestWindowsAreKept: the server sends what the windows allow, of a stream and of all, and not a byte more.
func TestWindowsAreKept(t *testing.T) {
	big := pattern(1 << 20)
	s := serve(t, http2.Config{}, download(big))
	for _, path := range []string{"/", "/stream"} {
		c := s.dial(setInitialWindow, 30_000)
		c.stingy = true
		one, two, three := c.get(path+"?n=100000"), c.get(path+"?n=100000"), c.get(path+"?n=100000")
		c.until("full windows", func() bool { return c.connData == defaultWindow })
		c.sync()
		if c.connData != defaultWindow || c.answer(one).size > 30_000 || c.answer(two).size > 30_000 || c.answer(three).size > 30_000 {
			t.Errorf("%d bytes: %d, %d, %d", c.connData, c.answer(one).size, c.answer(two).size, c.answer(three).size)
		}
		c.send(windowUpdate(0, 1<<20))
		c.until("full streams", func() bool { return c.connData == 90_000 })
		c.sync()
		if c.connData != 90_000 {
			t.Errorf("%d bytes", c.connData)
		}
		c.send(windowUpdate(two, 70_000))
		c.want(two, "200", "*")
		if c.connData != 160_000 {
			t.Errorf("%d bytes", c.connData)
		}
		c.send(windowUpdate(one, 70_000), windowUpdate(three, 70_000))
		for _, id := range []uint32{one, three} {
			if a := c.want(id, "200", "*"); a.sum != sumOf(big[:100_000]) {
				t.Error("other bytes")
			}
		}
	}
}

// TestInitialWindowChanges: SETTINGS may take windows away that are in use, below zero (RFC 9113, section 6.9.2).
func TestInitialWindowChanges(t *testing.T) {
	big := pattern(200_000)
	s := serve(t, http2.Config{}, download(big))
	for _, path := range []string{"/", "/stream"} {
		c := s.dial()
		c.stingy = true
		id := c.get(path + "?n=200000")
		a := c.answer(id)
		c.until("a full window", func() bool { return a.size == defaultWindow })
		c.send(settings(setInitialWindow, 0), windowUpdate(0, 1<<20), windowUpdate(id, 10_000)) // the window is -55,535
		c.sync()
		if a.size != defaultWindow {
			t.Fatalf("%s: %d bytes below zero", path, a.size)
		}
		c.send(windowUpdate(id, defaultWindow-10_000)) // 0
		c.sync()
		if a.size != defaultWindow {
			t.Fatalf("%s: %d bytes at zero", path, a.size)
		}
		c.send(windowUpdate(id, 5))
		c.until("five bytes", func() bool { return a.size == defaultWindow+5 })
		c.send(settings(setInitialWindow, 20_000))
		c.until("more", func() bool { return a.size == defaultWindow+20_005 })
		for i := range 20 { // up and down while it flows
			c.send(settings(setInitialWindow, uint32(i%2)*60_000, setInitialWindow, uint32(i+1)%2*50_000))
		}
		c.send(settings(setInitialWindow, 1<<20))
		if a := c.want(id, "200", "*"); a.size != len(big) || a.sum != sumOf(big) {
			t.Errorf("%s: %d bytes", path, a.size)
		}
		c.want(c.get(path+"?n=10"), "200", string(big[:10]))
	}
	c := s.dial()
	c.stingy = true
	id := c.get("/?n=200000")
	c.until("a full window", func() bool { return c.answer(id).size == defaultWindow })
	c.send(windowUpdate(id, biggestWindow-10), settings(setInitialWindow, defaultWindow+11)) // one too many
	c.wantEnd(http2.FlowControlError)
}

// TestWindowsShrink: SETTINGS takes the window of a stream that only waits for the connection's.
func TestWindowsShrink(t *testing.T) {
	big := pattern(1 << 20)
	s := serve(t, http2.Config{}, download(big))
	for _, path := range []string{"/", "/stream"} {
		for _, window := range []uint32{0, 100, 40_000} {
			c := s.dial(setInitialWindow, 50_000)
			c.stingy = true
			one, two := c.get(path+"?n=200000"), c.get(path+"?n=200000")
			c.until("a full connection", func() bool { return c.connData == defaultWindow })
			had := []int{c.answer(one).size, c.answer(two).size}
			c.send(settings(setInitialWindow, window), windowUpdate(0, 1<<20))
			c.sync()
			for i, id := range []uint32{one, two} {
				if size := c.answer(id).size; size != max(had[i], int(window)) {
					c.until("the window", func() bool { return c.answer(id).size >= max(had[i], int(window)) })
				}
			}
			c.sync()
			for i, id := range []uint32{one, two} {
				if size := c.answer(id).size; size != max(had[i], int(window)) {
					t.Errorf("%s: %d bytes in a window of %d, had %d", path, size, window, had[i])
				}
			}
			c.send(windowUpdate(one, 1<<20), windowUpdate(two, 1<<20))
			for _, id := range []uint32{one, two} {
				if a := c.want(id, "200", "*"); a.sum != sumOf(big[:200_000]) {
					t.Error("other bytes")
				}
			}
		}
	}
}

// TestReceiveWindows: a client that sends more than it may is cut off, the stream or the connection (RFC 9113, section 6.9.1).
func TestReceiveWindows(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, http2.Config{StreamRequestBody: true, StreamWindow: 100_000, ConnWindow: 150_000}, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/wait" {
			<-release
		}
	})
	defer close(release)
	c := s.dial()
	if c.settings[setInitialWindow] != 100_000 || c.granted[0] != 150_000-defaultWindow {
		t.Errorf("SETTINGS %v, connection + %d", c.settings, c.granted[0])
	}
	id := c.open(false, request("POST", "/wait")...)
	c.data(id, false, make([]byte, 100_000))
	c.sync()
	c.data(id, false, make([]byte, 1))
	c.wantReset(id, http2.FlowControlError)
	c = s.dial()
	one, two := c.open(false, request("POST", "/wait")...), c.open(false, request("POST", "/wait")...)
	c.data(one, false, make([]byte, 100_000))
	c.data(two, false, make([]byte, 50_000))
	c.sync()
	c.data(two, false, make([]byte, 1))
	c.wantEnd(http2.FlowControlError)
}

// TestPaddingCounts: padding takes windows and is given back (RFC 9113, section 6.1).
func TestPaddingCounts(t *testing.T) {
	s := serve(t, http2.Config{StreamRequestBody: true}, func(ctx *fasthttp.RequestCtx) { ctx.SetBody(ctx.Request.Body()) })
	c := s.dial()
	pad := frame(typeData, padded, 1, append([]byte{255, 'x'}, make([]byte, 255)...)...)
	want := strings.Repeat("x", 20_000) // with 256 bytes of padding each: five times the window
	id := c.open(false, request("POST", "/")...)
	sent := 0
	for range len(want) {
		c.until("window", func() bool {
			return c.initialWindow()+c.granted[id]-sent >= 257 && defaultWindow+c.granted[0]-sent >= 257
		})
		c.send(pad)
		sent += 257
	}
	c.send(frame(typeData, padded|endStream, id, append([]byte{255}, make([]byte, 255)...)...))
	c.want(id, "200", want)
}

// TestDiscardedBodies: what nobody reads is given back to the connection's window.
func TestDiscardedBodies(t *testing.T) {
	for _, cfg := range []http2.Config{{StreamRequestBody: true}, {MaxRequestBodySize: 1000}, {StreamRequestBody: true, MaxConcurrentStreams: 1}} {
		t.Run(fmt.Sprintf("%v %d %d", cfg.StreamRequestBody, cfg.MaxRequestBodySize, cfg.MaxConcurrentStreams), func(t *testing.T) {
			s := serve(t, cfg, hello)
			c := s.dialFor(t)
			_ = c.nc.SetDeadline(time.Now().Add(3 * patience))
			body := make([]byte, 64<<10)
			const n = 1000
			for range n {
				id := c.open(false, request("POST", "/")...)
				for b := body; len(b) > 0; b = b[frameLimit:] { // all of it, whatever the server says meanwhile
					c.until("window", func() bool { return defaultWindow+c.granted[0] >= frameLimit })
					c.granted[0] -= frameLimit
					flags := byte(0)
					if len(b) == frameLimit {
						flags = endStream
					}
					c.send(frame(typeData, flags, id, b[:frameLimit]...))
				}
				a := c.await(id)
				if a.reset && a.code != http2.NoError && a.code != http2.RefusedStream {
					t.Fatal(a)
				}
			}
			c.want(c.get("/"), "200", "hello")
			if owed := n*len(body) - (c.granted[0] + n*len(body)); owed > 1<<20 {
				t.Errorf("%d bytes are not given back", owed)
			}
		})
	}
}

// TestManyLarge: 100 responses of 1 MiB at once, in turns, with a small one in between that does not wait for them.
func TestManyLarge(t *testing.T) {
	big := pattern(1 << 20)
	s := serve(t, http2.Config{}, download(big))
	for _, path := range []string{"/", "/stream"} {
		c := s.dial(setInitialWindow, 1<<20)
		_ = c.nc.SetDeadline(time.Now().Add(3 * patience))
		var ids []uint32
		for range 100 {
			ids = append(ids, c.get(path+"?n=1048576"))
		}
		c.until("DATA", func() bool { return c.connData > 1<<20 })
		before := c.connData
		c.want(c.get("/?n=100"), "200", string(big[:100]))
		if waited := c.connData - before; waited > 16<<20 {
			t.Errorf("%s: a small response waited for %d bytes", path, waited)
		}
		for _, id := range ids {
			if a := c.want(id, "200", "*"); a.size != len(big) || a.sum != sumOf(big) {
				t.Errorf("%s: stream %d: %d bytes", path, id, a.size)
			}
		}
		turns := 0
		for i := 1; i < len(c.order); i++ {
			if c.order[i] != c.order[i-1] {
				turns++
			}
		}
		if turns < len(c.order)/4 {
			t.Errorf("%s: %d turns in %d frames", path, turns, len(c.order))
		}
	}
}

// TestEagerClient: one that gives back every frame of DATA at once, as Go's does, floods nobody, however fast it is.
func TestEagerClient(t *testing.T) {
	big := pattern(10 << 20)
	s := serve(t, http2.Config{}, download(big))
	c := s.dial(setInitialWindow, 1<<20)
	c.eager = true
	c.send(windowUpdate(0, 8<<20))
	for range 40 {
		_ = c.nc.SetDeadline(time.Now().Add(3 * patience))
		c.want(c.get("/?n="+strconv.Itoa(len(big))), "200", "*")
	}
}

// TestSlowStream: a stream whose client takes nothing of it holds up no other.
func TestSlowStream(t *testing.T) {
	big := pattern(1 << 20)
	s := serve(t, http2.Config{}, download(big))
	c := s.dial()
	c.stingy = true
	slow := c.get("/stream?n=1048576")
	buffered := c.get("/?n=1048576")
	c.until("a full window", func() bool { return c.connData == defaultWindow })
	c.stingy = false
	c.send(windowUpdate(0, 2*defaultWindow))
	for range 50 {
		c.want(c.get("/?n=100000"), "200", "*")
		c.want(c.get("/stream?n=100000"), "200", "*")
	}
	c.send(windowUpdate(slow, 1<<20), windowUpdate(buffered, 1<<20))
	c.want(slow, "200", "*")
	c.want(buffered, "200", "*")
}

// TestFlush: what a streaming handler flushes leaves at once.
func TestFlush(t *testing.T) {
	next := make(chan struct{})
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
			for i := range 5 {
				fmt.Fprint(w, i)
				_ = w.Flush()
				<-next
			}
		})
	})
	c := s.dial()
	id := c.get("/")
	for i := range 5 {
		c.until("an event", func() bool { return c.answer(id).size == i+1 })
		next <- struct{}{}
	}
	c.want(id, "200", "01234")
}

// TestStreamedEcho: a handler may answer while the request goes on.
func TestStreamedEcho(t *testing.T) {
	s := serve(t, http2.Config{StreamRequestBody: true}, func(ctx *fasthttp.RequestCtx) {
		r := ctx.RequestBodyStream()
		ctx.Response.ImmediateHeaderFlush = true
		ctx.SetBodyStream(r, -1)
	})
	c := s.dial()
	id := c.open(false, request("POST", "/")...)
	for i := range 10 {
		c.data(id, false, []byte("ping"))
		c.until("the echo", func() bool { return c.answer(id).size == 4*(i+1) })
	}
	c.data(id, true, nil)
	c.want(id, "200", strings.Repeat("ping", 10))
}

// TestFirstHandlers: as long as it is not known how large responses are, few handlers of a connection run at a time; it is known when some answered, and those that
// wait are not about to answer.
func TestFirstHandlers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var running, most atomic.Int32
		var answer atomic.Pointer[[]byte]
		release := make(chan struct{})
		s := serveMem(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
			most.Store(max(most.Load(), running.Add(1)))
			<-release
			running.Add(-1)
			ctx.SetBody(*answer.Load())
		})
		open := func() *client {
			c := s.dialMem(1 << 16)
			for range 250 {
				c.get("/")
			}
			synctest.Wait()
			return c
		}
		let := func(n int) {
			for range n {
				release <- struct{}{}
			}
			synctest.Wait()
		}
		answer.Store(new([]byte))
		open()
		if n := running.Load(); n < 16 || n > 40 {
			t.Errorf("%d handlers of a new connection run", n)
		}
		let(16)
		if n := running.Load(); n < 100 {
			t.Errorf("%d handlers run after 16 small answers", n)
		}
		let(250 - 16)
		open()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if n := running.Load(); n != 250 {
			t.Errorf("%d handlers run after 3 s in which none answered", n)
		}
		let(250)
		answer.Store(new(make([]byte, 1<<20)))
		most.Store(0)
		c := open()
		c.stingy = true // takes nothing
		for running.Load() > 0 {
			let(1)
		}
		if n := most.Load(); n > 40 {
			t.Errorf("%d handlers ran, though the client takes nothing", n)
		}
	})
}

// TestWaitingHandlersResume: while the client pauses a response, handlers that wait for others get their turn when those are over, also by the client's reset.
func TestWaitingHandlersResume(t *testing.T) {
	bubble(t, func(t *testing.T) {
		begun := make(chan uint32, 100)
		release := make(chan struct{})
		s := serveMem(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
			if string(ctx.Path()) == "/big" {
				ctx.SetBody(make([]byte, 200<<10))
				return
			}
			begun <- http2.StreamOf(ctx).ID()
			<-release
		})
		c := s.dialMem(1 << 20)
		c.stingy = true
		c.send(windowUpdate(0, 1<<30))
		c.head(c.get("/big"))
		for range 100 {
			c.get("/")
		}
		synctest.Wait()
		first := len(begun)
		if first == 0 || first > 40 {
			t.Errorf("%d handlers run", first)
		}
		for range first {
			c.send(rstStream(<-begun, http2.Cancel))
		}
		synctest.Wait()
		for range first {
			release <- struct{}{}
		}
		synctest.Wait()
		if len(begun) == 0 {
			t.Error("no handler runs, and all wait")
		}
		close(release)
	})
}

// TestPausedResponseAndPolls: a response that the client takes slowly, and handlers that take long, do not keep others from their turn.
func TestPausedResponseAndPolls(t *testing.T) {
	for _, size := range []int{3900 << 10, 1 << 20, 100 << 10} {
		for _, polls := range []int{1, 12, 40} {
			bubble(t, func(t *testing.T) {
				stop := make(chan struct{})
				s := serveMem(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
					switch string(ctx.Path()) {
					case "/big":
						ctx.SetBody(make([]byte, size))
					case "/poll":
						<-stop
					}
				})
				defer close(stop)
				c := s.dialMem(1 << 20)
				c.stingy = true
				c.send(windowUpdate(0, 1<<30))
				c.head(c.get("/big"))
				for range polls {
					c.get("/poll")
				}
				c.sync()
				begun := time.Now()
				c.await(c.get("/small"))
				if d := time.Since(begun); d > 6*time.Second {
					t.Errorf("%d KiB and %d polls: the small answer came after %v", size>>10, polls, d)
				}
			})
		}
	}
}
