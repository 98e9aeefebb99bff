package quart_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

// TestSocketPings: a ping every 25 s; who answers nothing is closed after 60 s, who answers stays, and so does the client of a function that does not read.
func TestSocketPings(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		app := quiet()
		ended := make(chan error, 1)
		app.WebSocket("/read", func(ws *quart.Socket) error {
			_, err := ws.Read()
			ended <- err
			return err
		})
		app.WebSocket("/write", func(ws *quart.Socket) error {
			<-ws.Context().Done()
			return nil
		})
		cl := quarttest.New(t, app)
		start := time.Now()
		mute, _ := openSocket(t, cl.Dial(), "", "/read")
		mute.wantClose(1001)
		if d := time.Since(start); d < 60*time.Second || d > 76*time.Second {
			t.Errorf("closed after %v", d)
		}
		var e *quart.CloseError
		if err := <-ended; !errors.As(err, &e) || e.Code != 1006 {
			t.Errorf("Read: %v", err)
		}
		alive, _ := openSocket(t, cl.Dial(), "", "/read")
		unread, _ := openSocket(t, cl.Dial(), "", "/write")
		start = time.Now()
		for range 10 {
			alive.want(fin|opPing, "")
			alive.send(frame(fin|opPong, ""))
			unread.want(fin|opPing, "")
		}
		if d := time.Since(start); d < 250*time.Second || d > 260*time.Second {
			t.Errorf("10 pings in %v", d)
		}
	})
}

// TestSocketStop: at a stop every socket gets 1001, its context ends, and its function is awaited.
func TestSocketStop(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		app := quiet()
		var mu sync.Mutex
		ended := 0
		app.WebSocket("/{how}", func(ws *quart.Socket) error {
			switch ws.Param("how") {
			case "read":
				if _, err := ws.Read(); err != quart.ErrClosed {
					t.Errorf("Read: %v", err)
				}
			case "wait":
				<-ws.Context().Done()
			case "late":
				<-ws.Context().Done()
				time.Sleep(3 * time.Second)
			}
			mu.Lock()
			defer mu.Unlock()
			ended++
			return nil
		})
		cl := quarttest.New(t, app)
		var sockets []*rawSocket
		for _, how := range []string{"read", "wait", "late"} {
			for range 20 {
				ws, _ := openSocket(t, cl.Dial(), "", "/"+how)
				sockets = append(sockets, ws)
			}
		}
		var wg sync.WaitGroup
		for _, ws := range sockets {
			wg.Go(func() {
				if reason := ws.wantClose(1001); reason == "" {
					t.Error("no reason")
				}
			})
		}
		synctest.Wait()
		if err := cl.Stop(); err != nil {
			t.Errorf("Stop: %v", err)
		}
		if ended != len(sockets) {
			t.Errorf("%d functions ended before Stop returned", ended)
		}
		wg.Wait()
	})
}

// TestSocketOverflow: what happens to a client that does not read, by policy, and that others get everything.
func TestSocketOverflow(t *testing.T) {
	for _, tt := range []struct {
		name     string
		overflow quart.Overflow
	}{{"close", quart.CloseSlow}, {"oldest", quart.DropOldest}, {"newest", quart.DropNewest}} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				app := quiet()
				joined := make(chan *quart.Socket)
				app.Get("/", func(c *quart.Ctx) error {
					return c.Upgrade(quart.SocketConfig{Queue: 8, Overflow: tt.overflow}, func(ws *quart.Socket) error {
						joined <- ws
						_, err := ws.Read()
						return err
					})
				})
				cl := quarttest.New(t, app)
				slow, _ := openSocket(t, cl.Dial(), "", "/")
				ws := <-joined
				big := strings.Repeat("x", 256<<10) // more than the connection holds
				var err error
				for i := range 40 {
					time.Sleep(200 * time.Millisecond)
					f := quart.NewFrame("", quart.Message{Data: []byte(fmt.Sprint(i, " ", big))})
					if err = ws.Post(f); err == quart.ErrDropped {
						err = nil
					}
					if err != nil {
						break
					}
				}
				if tt.overflow == quart.CloseSlow {
					if err != quart.ErrQueueFull {
						t.Errorf("Post: %v", err)
					}
					<-ws.Context().Done()
					if err := ws.Post(quart.NewFrame("", quart.Message{})); err != quart.ErrClosed {
						t.Errorf("Post after the end: %v", err)
					}
					slow.wantEnd()
					return
				}
				if err != nil || ws.Dropped() < 20 || ws.Dropped() > 32 {
					t.Errorf("Post: %v, %d dropped", err, ws.Dropped())
				}
				var got []int
				for range 40 - int(ws.Dropped()) {
					_, p, err := slow.next()
					if err != nil {
						t.Fatalf("after %v: %v", got, err)
					}
					var i int
					_, _ = fmt.Sscan(p, &i)
					got = append(got, i)
				}
				last := got[len(got)-1]
				if tt.overflow == quart.DropOldest && last != 39 || tt.overflow == quart.DropNewest && last > 20 {
					t.Errorf("got %v", got)
				}
				ws.Close()
				slow.wantClose(1000)
			})
		})
	}
}

// A client that sends and never reads is dropped after the write limit, whatever it does.
func TestSocketNeverReads(t *testing.T) {
	for name, flood := range map[string]string{"messages": frame(fin|opBinary, strings.Repeat("x", 64<<10)), "pings": strings.Repeat(frame(fin|opPing, strings.Repeat("p", 125)), 100)} {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp(quart.Config{WriteTimeout: 300 * time.Millisecond})
			ended := make(chan struct{})
			app.WebSocket("/", func(ws *quart.Socket) error {
				defer close(ended)
				return echoSocket(ws)
			})
			ws := serve(t, app).socket("/")
			for {
				if _, err := ws.Conn.Write([]byte(flood)); err != nil {
					if e, ok := err.(net.Error); ok && e.Timeout() {
						_, st := goroutines()
						t.Fatal("the connection stays open", st)
					}
					break
				}
			}
			<-ended
		})
	}
}

// TestSocketsLeaveNothing: however sockets end, goroutines and connections go back to where they were.
func TestSocketsLeaveNothing(t *testing.T) {
	app, _ := newApp(quart.Config{WriteTimeout: 500 * time.Millisecond})
	app.WebSocket("/echo", echoSocket)
	app.WebSocket("/panic", func(ws *quart.Socket) error {
		_, _ = ws.Read()
		panic("boom")
	})
	app.WebSocket("/push", func(ws *quart.Socket) error {
		ws.Discard()
		for {
			if err := ws.Write(quart.Message{Data: make([]byte, 8<<10), Binary: true}); err != nil {
				return err
			}
		}
	})
	s := serve(t, app)
	s.get("/none", "Connection: close")
	before, _ := goroutines()
	ends := []func(*rawSocket){
		func(ws *rawSocket) { ws.Close() },
		func(ws *rawSocket) { ws.send(closing(1000, "")); ws.wantEnd() },
		func(ws *rawSocket) { ws.send(textFrame("hi"), closing(1000, "")); ws.Close() },
		func(ws *rawSocket) { ws.send("garbage"); ws.wantEnd() },
		func(ws *rawSocket) { _ = ws.Conn.(*net.TCPConn).SetLinger(0); ws.Close() },
		func(ws *rawSocket) { ws.send(textFrame("half")[:3]); ws.Close() },
		func(ws *rawSocket) { ws.send(textFrame("half")); _ = ws.Conn.(*net.TCPConn).CloseWrite(); ws.wantEnd() },
	}
	for _, path := range []string{"/echo", "/panic", "/push"} {
		for _, end := range ends {
			end(s.socket(path))
		}
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		n, stacks := goroutines()
		if st := app.Stats(); n <= before && st.Conns == 0 && st.Sockets == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before; %+v\n%s", n, before, app.Stats(), stacks)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestSocketStats(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.WebSocket("/ws", echoSocket)
	app.SSE("/sse", func(s *quart.EventStream) error { return s.Park() })
	s := serve(t, app)
	s.socket("/ws")
	ws := s.socket("/ws")
	nc := s.dial()
	send(t, nc, "GET /sse HTTP/1.1\r\nHost: a\r\n\r\n")
	readHead(t, nc)
	if st := app.Stats(); st.Sockets != 2 || st.Streams != 1 {
		t.Errorf("%+v", st)
	}
	ws.send(closing(1000, ""))
	ws.wantClose(1000)
}

// TestSocketTLSClose: over TLS the close frame arrives, too, and a proper end of TLS behind it.
func TestSocketTLSClose(t *testing.T) {
	app, _ := newApp(quart.Config{TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}})
	app.WebSocket("/ws", echoSocket)
	s := serve(t, app)
	ws, _ := openSocket(t, s.dialAs(true), "", "/ws")
	ws.send("\xc1\x80\x00\x00\x00\x00" + strings.Repeat(textFrame("unread"), 10_000))
	ws.wantClose(1002)
}
