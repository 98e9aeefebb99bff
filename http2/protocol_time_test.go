package http2_test

import (
	"errors"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// TestTimes: the times of Config, on the clock of a bubble.
func TestTimes(t *testing.T) {
	wait := func(ctx *fasthttp.RequestCtx) {
		switch string(ctx.Path()) {
		case "/wait":
			done := make(chan struct{})
			http2.StreamOf(ctx).OnEnd(func(error) { close(done) })
			<-done
		case "/long":
			time.Sleep(25 * time.Second)
		case "/body":
			ctx.SetBody(ctx.Request.Body())
		case "/big":
			ctx.SetBody(make([]byte, 1<<20))
		default:
			ctx.SetBodyString("hello")
		}
	}
	for _, tt := range []struct {
		name     string
		streamed bool
		talk     func(c *client)
		min, max time.Duration // until the connection ends
		code     http2.ErrCode // of GOAWAY; 99 for none
	}{
		{"idle from the start", false, func(*client) {}, 29, 32, http2.NoError},
		{"idle after a request", false, func(c *client) {
			c.want(c.get("/"), "200", "hello")
		}, 29, 32, http2.NoError},
		{"idle after a request that takes 25 s", false, func(c *client) {
			c.want(c.get("/long"), "200", "")
		}, 54, 57, http2.NoError},
		{"a client that does not answer PING", false, func(c *client) {
			c.get("/wait")
			c.silent = true
		}, 44, 48, 99},
		{"a client that sends something else than the answer to PING", false, func(c *client) {
			c.get("/wait")
			c.silent = true
			c.until("PING", func() bool { return c.pings > 0 })
			c.send(windowUpdate(0, 1))
			time.Sleep(14 * time.Second)
			c.send(windowUpdate(0, 1))
		}, 58, 62, 99},
		{"a header block that does not end", false, func(c *client) {
			c.send(frame(typeHeaders, 0, c.newID(), 0x82))
		}, 9, 12, 99},
		{"a header block that does not end, slowly", false, func(c *client) {
			id := c.newID()
			c.send(frame(typeHeaders, 0, id, 0x82))
			for range 20 {
				time.Sleep(time.Second)
				if c.trySend(frame(typeContinuation, 0, id, 0x82)) != nil {
					return
				}
			}
		}, 9, 21, 99},
		{"a frame without its payload", false, func(c *client) {
			c.send([]byte{0, 0, 8, typePing, 0, 0, 0, 0, 0, 1, 2})
		}, 29, 32, 99},
		{"half a frame header", false, func(c *client) {
			c.send([]byte{0, 0, 8, typePing})
		}, 29, 32, 99},
		{"a frame that comes byte by byte", false, func(c *client) {
			c.send([]byte{0, 64, 0, typeUnknown, 0, 0, 0, 0, 0})
			for range 100 {
				time.Sleep(time.Second)
				if c.trySend([]byte{0}) != nil {
					return
				}
			}
		}, 29, 101, 99},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serveMem(t, http2.Config{StreamRequestBody: tt.streamed}, wait)
				c := s.dialMem(1 << 16)
				begun := time.Now()
				_ = c.nc.SetDeadline(begun.Add(5 * time.Minute))
				tt.talk(c)
				c.untilEnd()
				if d := time.Since(begun); d < tt.min*time.Second || d > tt.max*time.Second {
					t.Errorf("ended after %v", d)
				}
				if tt.code != 99 && (len(c.goaways) == 0 || c.goaways[len(c.goaways)-1].code != tt.code) {
					t.Errorf("GOAWAY %v, want %v", c.goaways, tt.code)
				}
			})
		})
	}
}

// TestPrefaceTime: a client that does not finish its preface is cut off.
func TestPrefaceTime(t *testing.T) {
	for _, sent := range []string{"", "PRI", clientPreface, clientPreface + "\x00\x00"} {
		bubble(t, func(t *testing.T) {
			s := serveMem(t, http2.Config{}, hello)
			nc := s.connectMem(1 << 16)
			begun := time.Now()
			_, _ = nc.Write([]byte(sent))
			c := readerOf(t, nc)
			c.silent = true
			_ = nc.SetDeadline(time.Time{})
			c.untilEnd()
			if d := time.Since(begun); d < 9*time.Second || d > 12*time.Second {
				t.Errorf("%q: ended after %v by %v", sent, d, s.ended())
			}
		})
	}
}

// TestKeptAlive: a client that answers PING may wait for its response as long as it likes.
func TestKeptAlive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveMem(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
			time.Sleep(10 * time.Minute)
			ctx.SetBodyString("hello")
		})
		c := s.dialMem(1 << 16)
		c.want(c.get("/"), "200", "hello")
		if c.pings < 15 || c.pings > 20 {
			t.Errorf("%d PING frames in ten minutes of silence", c.pings)
		}
	})
}

// TestBodyTimes: a body that does not come ends the handler's read, and one that a client does not take the stream.
func TestBodyTimes(t *testing.T) {
	for _, timeout := range []time.Duration{0, 5 * time.Second} {
		bubble(t, func(t *testing.T) {
			var failed error
			s := serveMem(t, http2.Config{StreamRequestBody: true}, func(ctx *fasthttp.RequestCtx) {
				if timeout > 0 {
					http2.StreamOf(ctx).SetBodyTimeout(timeout)
				}
				_, failed = ctx.RequestBodyStream().Read(make([]byte, 10))
				ctx.SetStatusCode(408)
			})
			c := s.dialMem(1 << 16)
			begun := time.Now()
			c.want(c.open(false, request("POST", "/")...), "408", "")
			want := 30 * time.Second
			if timeout > 0 {
				want = timeout
			}
			if d := time.Since(begun); d < want || d > want+2*time.Second {
				t.Errorf("after %v, want %v", d, want)
			}
			if !errors.Is(failed, fasthttp.ErrTimeout) && failed == nil {
				t.Error("the read did not fail")
			}
		})
	}
	bubble(t, func(t *testing.T) {
		s := serveMem(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) { ctx.SetBody(make([]byte, 1<<20)) })
		c := s.dialMem(1 << 20)
		c.stingy = true
		begun := time.Now()
		id := c.get("/")
		a := c.await(id)
		if d := time.Since(begun); !a.reset || d < 15*time.Second || d > 18*time.Second {
			t.Errorf("after %v: %v", d, a)
		}
		c.stingy = false
		c.sync()
	})
}

// TestSlowGathering: a body that is read before the handler runs has its time, too.
func TestSlowGathering(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveMem(t, http2.Config{}, hello)
		c := s.dialMem(1 << 16)
		begun := time.Now()
		id := c.open(false, request("POST", "/")...)
		c.data(id, false, make([]byte, 10))
		a := c.answer(id)
		for !a.ended && !a.reset && time.Since(begun) < 10*time.Minute {
			if _, err := c.read(); err != nil {
				break
			}
		}
		if d := time.Since(begun); d > time.Minute {
			t.Errorf("an unfinished body is waited for for %v", d)
		}
	})
}

// TestStarvedIsNotLate: a stream that waits because more urgent ones take all that the client takes is not one whose client takes nothing.
func TestStarvedIsNotLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveMem(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) { ctx.SetBody(make([]byte, 1<<20)) })
		c := s.dialMem(1<<20, setInitialWindow, 1<<20)
		c.stingy = true
		urgent, other := c.get("/", "priority", "u=1"), c.get("/", "priority", "u=5")
		for range 60 { // takes 1,000 bytes in a second
			time.Sleep(time.Second)
			c.send(windowUpdate(0, 1000))
		}
		c.send(windowUpdate(0, 2<<20))
		c.want(urgent, "200", "*")
		c.want(other, "200", "*")
	})
}
