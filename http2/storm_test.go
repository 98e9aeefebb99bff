package http2_test

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// stormy does at random what a handler can do, some of it from other goroutines.
func stormy(ctx *fasthttp.RequestCtx) {
	st, path := http2.StreamOf(ctx), string(ctx.Path())
	st.OnEnd(func(error) {})
	switch path {
	case "/reset":
		done := make(chan struct{})
		go func() {
			defer close(done)
			st.Reset(http2.InternalError)
		}()
		<-done
	case "/override":
		done := make(chan struct{})
		go func() {
			defer close(done)
			st.Override(503, []byte("override"), "x", "y")
		}()
		<-done
	case "/timeout":
		ctx.TimeoutError("timeout")
		return
	case "/unread":
		ctx.SetBodyStream(strings.NewReader(strings.Repeat("x", 50_000)), -1)
		return
	case "/tunnel":
		if st.Protocol() != "" {
			st.Hijack(func(s *http2.Stream) {
				_ = s.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				_, _ = io.CopyN(s, s, 3000)
				_ = s.CloseWrite()
				_, _ = s.Read(make([]byte, 100))
				_ = s.Close()
			})
			return
		}
	}
	busy(ctx)
}

// strike returns the bytes of one thing that a client may do.
func strike(r *rand.Rand, next *uint32) []byte {
	old := uint32(1)
	if *next > 1 {
		old = uint32(max(1, int(*next)-2*(1+r.IntN(20)))) | 1
	}
	open := func(block []byte, flags byte) []byte {
		*next += 2
		return headers(*next-2, flags, block)
	}
	paths := []string{"/", "/large", "/stream", "/push", "/reset", "/override", "/timeout", "/unread"}
	path := paths[r.IntN(len(paths))]
	post := append([]byte{0x83}, plainRequest(path)[1:]...)
	n := r.IntN(14)
	if *next == 1 {
		n = 0
	}
	switch n {
	case 0, 1, 2, 3:
		return open(plainRequest(path), endStream)
	case 4, 5:
		return open(post, 0)
	case 6:
		id := *next
		return append(open(post, 0), frame(typeData, endStream, id, make([]byte, r.IntN(2000))...)...)
	case 7:
		return open([]byte("\x02\x07CONNECT\x00\x09:protocol\x09websocket\x86\x04\x07/tunnel\x01\x01a"), 0)
	case 8:
		return windowUpdate(0, 1+uint32(r.IntN(50_000)))
	case 9:
		return windowUpdate(old, 1+uint32(r.IntN(50_000)))
	case 10:
		return settings(setInitialWindow, uint32(r.IntN(100_000)), setHeaderTable, uint32(r.IntN(2))*4096)
	case 11:
		return frame(typePriorityUpdate, 0, 0, append(u32(old), 'u', '=', '0'+byte(r.IntN(8)))...)
	case 12:
		if r.IntN(4) == 0 {
			return rstStream(old, http2.Cancel)
		}
		return windowUpdate(0, 1<<16)
	default:
		return frame(typePing, 0, 0, make([]byte, 8)...)
	}
}

// storm is one client. Now and then it waits until the server has answered a PING, so that handlers have their time, too.
func storm(nc *memConn, seed uint64) {
	r, next := rand.New(rand.NewPCG(seed, 1)), uint32(1)
	pongs := make(chan struct{}, 10_000)
	go countPongs(nc, pongs)
	_, _ = nc.Write(bytes.Join([][]byte{[]byte(clientPreface), settings()}, nil))
	for range 400 {
		var batch []byte
		for range 1 + r.IntN(5) {
			batch = append(batch, strike(r, &next)...)
		}
		if _, err := nc.Write(append(batch, frame(typePing, 0, 0, make([]byte, 8)...)...)); err != nil {
			break
		}
		if r.IntN(3) > 0 {
			continue
		}
		if _, ok := <-pongs; !ok {
			break
		}
	}
	if seed%2 == 0 {
		_ = nc.CloseWrite()
	} else {
		_ = nc.Close()
	}
}

// countPongs reads to the end.
func countPongs(nc *memConn, pongs chan<- struct{}) {
	defer close(pongs)
	br := bufio.NewReader(nc)
	head := make([]byte, frameHeader)
	for {
		if _, err := io.ReadFull(br, head); err != nil {
			return
		}
		if _, err := br.Discard(int(head[0])<<16 | int(head[1])<<8 | int(head[2])); err != nil {
			return
		}
		if head[3] == typePing && head[4] == ack {
			pongs <- struct{}{}
		}
	}
}

// TestStorm: whatever clients and handlers do at once, the server comes to rest and has nothing left.
func TestStorm(t *testing.T) {
	short := func(ctx *fasthttp.RequestCtx) bool { return len(ctx.Path()) < 3 }
	for _, cfg := range []http2.Config{{}, {StreamRequestBody: true}, {MaxPinned: 100_000, Inline: short}} {
		cfg.ExtendedConnect = true
		s := serveMem(t, cfg, stormy)
		done := make(chan struct{})
		const clients = 40
		for seed := range clients {
			nc := s.connectMem(1 << 14)
			go func() {
				storm(nc, uint64(seed))
				done <- struct{}{}
			}()
		}
		for range clients {
			<-done
		}
		for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			if st := s.srv.Stats(); st.Conns == 0 && st.Streams == 0 && st.Handlers == 0 {
				if st.Requests < 1000 {
					t.Errorf("only %d requests were handled", st.Requests)
				}
				break
			} else if time.Now().After(end) {
				t.Fatalf("left behind: %+v\n%s", st, strings.Join(engineGoroutines(), "\n\n"))
			}
		}
		s.end()
	}
}
