package quart_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	fastws "github.com/fasthttp/websocket"
	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

// TestHTTP2UpgradeDeadline: a connection that was upgraded by h2c has no head to wait for any more.
func TestHTTP2UpgradeDeadline(t *testing.T) {
	app, _ := newApp(quart.Config{H2C: true, HeaderTimeout: time.Second})
	app.Get("/", func(c *quart.Ctx) error {
		time.Sleep(2500 * time.Millisecond)
		return c.Text(200, "hello")
	})
	s := serve(t, app)
	nc := s.dial()
	send(t, nc, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
	head := make([]byte, 0, 512)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		var b [1]byte
		if _, err := nc.Read(b[:]); err != nil {
			t.Fatal(err)
		}
		head = append(head, b[0])
	}
	if !strings.HasPrefix(string(head), "HTTP/1.1 101") {
		t.Fatalf("%q", head)
	}
	send(t, nc, clientPreface)
	c := framesFramer(t, nc)
	c.next = 3
	if a := c.want(1, "200"); a.body != "hello" {
		t.Errorf("%+v", a)
	}
	if st := app.Stats(); st.Sockets != 0 || st.Conns != 1 {
		t.Errorf("%+v", st)
	}
	c.want(c.get("/"), "200")
}

// TestHTTP2StopFastWebSocket: when the app stops, a fasthttp/websocket connection is closed at once and its handler awaited, as on HTTP/1.1.
func TestHTTP2StopFastWebSocket(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		log := new(logBuffer)
		app := quart.New(quart.Config{ShutdownGrace: answerTime, ShutdownDelay: -1, Log: slog.New(slog.NewTextHandler(log, nil))})
		app.Get("/ws", quart.FastWebSocket(func(ws *fastws.Conn) {
			for {
				if _, _, err := ws.ReadMessage(); err != nil {
					return
				}
			}
		}))
		cl := quarttest.New(t, app, p)
		ws := cl.WebSocket("/ws")
		defer ws.Close()
		start := time.Now()
		err := cl.Stop()
		if d := time.Since(start); d > hangTime || err != nil || log.String() != "" {
			t.Errorf("the stop took %v: %v\n%s", d, err, log)
		}
	})
}

// TestHTTP2ConnectToEvents: an extended CONNECT is no way to an event stream: a 2xx says that the websocket is open.
func TestHTTP2ConnectToEvents(t *testing.T) {
	app, _ := newApp(quart.Config{H2C: true, ShutdownGrace: 2 * time.Second})
	app.SSE("/events", func(s *quart.EventStream) error { return s.Send(quart.Event{Data: "x"}) })
	app.Get("/refused", func(c *quart.Ctx) error {
		c.SetStatus(404)
		return c.SSE(func(s *quart.EventStream) error { return nil })
	})
	app.Get("/stream", func(c *quart.Ctx) error {
		return c.Stream("text/plain", func(w *quart.StreamWriter) error {
			_, err := w.WriteString("x")
			return err
		})
	})
	app.Get("/plain", func(c *quart.Ctx) error { return c.Text(200, "x") })
	s := serve(t, app)
	for _, path := range []string{"/events", "/stream", "/plain", "/refused"} {
		t.Run(path[1:], func(t *testing.T) {
			c := newFramesClient(t, s.dial())
			if a := c.head(c.connect(path)); a.status != "400" && a.status != "404" && a.status != "426" {
				t.Errorf("%s: %+v", path, a)
			}
			_ = c.nc.Close()
		})
	}
	for until := time.Now().Add(answerTime); ; time.Sleep(10 * time.Millisecond) {
		st := app.Stats()
		if st.Conns == 0 && st.Streams == 0 && st.Sockets == 0 {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("left behind: %+v", st)
		}
	}
}

// TestHTTP2SocketHalfClose: END_STREAM is the FIN of a websocket over HTTP/2 (RFC 8441, section 5): the context of a function that does not read ends.
func TestHTTP2SocketHalfClose(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		done := make(chan struct{})
		app := quart.New(quart.Config{Log: quarttest.Log(t)})
		app.WebSocket("/ws", func(s *quart.Socket) error {
			<-s.Context().Done()
			close(done)
			return nil
		})
		cl := quarttest.New(t, app, p)
		ws := cl.WebSocket("/ws")
		time.Sleep(100 * time.Millisecond)
		_ = ws.NetConn().Close()
		select {
		case <-done:
		case <-time.After(hangTime):
			t.Error("the context is not done")
		}
	})
}

// TestHTTP2StreamInFlight: a response that is being streamed is a request under way, for Stats and for the error of a stop that cuts it.
func TestHTTP2StreamInFlight(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		runs := make(chan struct{})
		app := quart.New(quart.Config{Log: slog.New(slog.DiscardHandler), ShutdownGrace: 300 * time.Millisecond, ShutdownDelay: -1})
		app.Get("/", func(c *quart.Ctx) error {
			return c.Stream("text/plain", func(w *quart.StreamWriter) error {
				_, _ = w.WriteString("x")
				_ = w.Flush()
				close(runs)
				<-w.Context().Done()
				return w.Context().Err()
			})
		})
		cl := quarttest.New(t, app, p)
		leave := cl.Get("/").Start()
		defer leave()
		<-runs
		if st := app.Stats(); st.InFlight != 1 {
			t.Errorf("%+v, want 1 in flight", st)
		}
		if err := cl.Stop(); err == nil {
			t.Error("Serve returned nil, though it cut a stream off")
		}
	})
}

// TestHTTP2Off: HTTP2.Off holds also where TLS.NextProtos has h2, as that of autocert does.
func TestHTTP2Off(t *testing.T) {
	app, _ := newApp(quart.Config{HTTP2: quart.HTTP2Config{Off: true}, TLS: &tls.Config{
		Certificates: []tls.Certificate{testCertificate(t)}, NextProtos: []string{"h2", "http/1.1"},
	}})
	s := serve(t, app)
	nc, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if got := nc.ConnectionState().NegotiatedProtocol; got == "h2" {
		t.Error("h2 was negotiated")
	}
}

// TestHTTP2HardTimeoutPending: what a handler that was over its hard time leaves to be streamed does not run, as on HTTP/1.1.
func TestHTTP2HardTimeoutPending(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		var ran atomic.Int32
		late := make(chan struct{}, 2)
		defer close(late)
		app := quart.New(quart.Config{Log: slog.New(slog.DiscardHandler)})
		app.Get("/stream", func(c *quart.Ctx) error {
			c.SetHardTimeout(50 * time.Millisecond)
			<-late
			return c.Stream("text/plain", func(*quart.StreamWriter) error { ran.Add(1); return nil })
		})
		app.Get("/events", func(c *quart.Ctx) error {
			c.SetHardTimeout(50 * time.Millisecond)
			<-late
			return c.SSE(func(*quart.EventStream) error { ran.Add(1); return nil })
		})
		cl := quarttest.New(t, app, p)
		for _, path := range []string{"/stream", "/events"} {
			cl.Get(path).Want(503)
			late <- struct{}{}
			time.Sleep(300 * time.Millisecond)
			if n := ran.Swap(0); n != 0 {
				t.Errorf("%s ran after the 503", path)
			}
		}
	})
}

// TestHTTP2HardTimeoutBody: a body of which a part came after the 503 is not complete for the handler.
func TestHTTP2HardTimeoutBody(t *testing.T) {
	type outcome struct {
		body string
		err  error
	}
	got := make(chan outcome, 1)
	app, _ := newApp(quart.Config{H2C: true})
	app.Post("/", func(c *quart.Ctx) error {
		c.SetHardTimeout(100 * time.Millisecond)
		b, err := c.Body()
		got <- outcome{string(b), err}
		return c.Text(200, "stored")
	})
	c := serve(t, app).h2()
	id := c.request("POST", "/", false)
	c.data(id, false, []byte("first,"))
	c.want(id, "503")
	c.data(id, true, []byte("second"))
	select {
	case o := <-got:
		if o.err == nil {
			t.Errorf("the handler stores %q", o.body)
		}
	case <-time.After(hangTime):
		t.Error("the handler still waits")
	}
}

// TestHTTP2HeadParity: what HTTP/1.1 refuses in a head, HTTP/2 refuses.
func TestHTTP2HeadParity(t *testing.T) {
	app, _ := newApp(quart.Config{H2C: true})
	app.Handle(quart.MethodAny, "/{path?:*}", func(c *quart.Ctx) error {
		return c.Text(200, c.Path()+"|"+c.Host()+"|"+c.Cookie("a")+c.Cookie("b")+"|"+c.Header("Cookie"))
	})
	s := serve(t, app)
	for _, tt := range []struct {
		name   string
		fields []string
		status string
		body   string
	}{
		{"expect", []string{":method", "POST", ":scheme", "http", ":authority", "x", ":path", "/", "expect", "magic"}, "417", ""},
		{"crumbs", []string{":method", "GET", ":scheme", "http", ":authority", "x", ":path", "/", "cookie", "a=1", "cookie", "b=2"}, "200", "/|x|12|a=1; b=2"},
		{"slashes", []string{":method", "GET", ":scheme", "http", ":authority", "x", ":path", "//evil.example/a"}, "200", "/evil.example/a|x||"},
		{"slashes and a scheme", []string{":method", "GET", ":scheme", "http", ":authority", "x", ":path", "//e/?n=http://y"}, "200", "/e/|x||"},
		{"escapes", []string{":method", "GET", ":scheme", "http", ":authority", "x", ":path", "/%zz"}, "400", ""},
		{"a NUL", []string{":method", "GET", ":scheme", "http", ":authority", "x", ":path", "/%00"}, "", ""},
		{"absolute", []string{":method", "GET", ":scheme", "http", ":authority", "x", ":path", "http://y/"}, "reset", ""},
		{"no authority", []string{":method", "GET", ":scheme", "http", ":path", "/"}, "400", ""},
		{"host alone", []string{":method", "GET", ":scheme", "http", ":path", "/", "host", "y"}, "200", "/|y||"},
		{"two hosts", []string{":method", "GET", ":scheme", "http", ":authority", "x", ":path", "/", "host", "y"}, "reset", ""},
		{"bad host", []string{":method", "GET", ":scheme", "http", ":authority", "x y", ":path", "/"}, "reset", ""},
		{"bad port", []string{":method", "GET", ":scheme", "http", ":authority", "x:99999x", ":path", "/"}, "400", ""},
		{"scheme", []string{":method", "GET", ":scheme", "ftp", ":authority", "x", ":path", "/"}, "", ""},
		{"plain CONNECT", []string{":method", "CONNECT", ":authority", "x:443"}, "400", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newFramesClient(t, s.dial())
			a := c.await(c.open(tt.name != "plain CONNECT", tt.fields...))
			switch {
			case tt.status == "reset" && !a.reset, tt.status != "" && tt.status != "reset" && a.status != tt.status, tt.body != "" && a.body != tt.body:
				t.Errorf("%+v, want %s %q", a, tt.status, tt.body)
			case tt.status == "":
				t.Logf("%+v", a)
			}
		})
	}
}

// slowCloser is a connection whose close takes a while, as one over TLS may.
type slowCloser struct {
	net.Conn
	slow *atomic.Bool
}

func (c *slowCloser) Close() error {
	if c.slow.Swap(false) {
		time.Sleep(1500 * time.Millisecond)
	}
	return c.Conn.Close()
}

// pipeListener has connections in memory, whose writes wait for the reader.
type pipeListener struct {
	conns chan net.Conn
	over  chan struct{}
	once  sync.Once
	slow  atomic.Bool
}

func (l *pipeListener) dial() net.Conn {
	ours, theirs := net.Pipe()
	l.conns <- &slowCloser{theirs, &l.slow}
	return ours
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.over:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.over) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "x", Net: "memory"} }

// TestHTTP2LockOrder: the engine must not close a connection with its lock held: the table's sweeper takes the lock of a shard first and then, for a write on an
// adopted stream that is over its time, the engine's; closing takes them in the other order.
func TestHTTP2LockOrder(t *testing.T) {
	app := quart.New(quart.Config{H2C: true, WriteTimeout: 4 * time.Second, Log: slog.New(slog.DiscardHandler), ShutdownGrace: time.Second, ShutdownDelay: -1})
	app.SSE("/", func(s *quart.EventStream) error {
		for s.Send(quart.Event{Data: strings.Repeat("x", 8<<10)}) == nil {
		}
		return nil
	})
	l := &pipeListener{conns: make(chan net.Conn), over: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = app.Serve(ctx, l) }()
	for range 31 { // the next one is in the sweeper's first shard
		_ = l.dial().Close()
	}
	c := newFramesClientPipe(t, l.dial(), [2]uint32{4, 1000})
	var last uint32
	for range 32 { // the last one, too
		last = c.get("/")
		c.head(last)
	}
	for until := time.Now().Add(1200 * time.Millisecond); time.Now().Before(until); { // all hang in a write now
		_ = c.nc.SetReadDeadline(until)
		_ = c.read()
	}
	l.slow.Store(true)
	// From here on nothing is read, and acknowledgements pile up, until the engine has enough.
	_ = c.nc.SetDeadline(time.Now().Add(answerTime))
	flood := bytes.Repeat(append([]byte{0, 0, 8, 6, 0, 0, 0, 0, 0}, make([]byte, 8)...), 900)
	for l.slow.Load() {
		if _, err := c.nc.Write(flood); err != nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(2 * time.Second)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = app.Stats()
	}()
	select {
	case <-done:
	case <-time.After(hangTime):
		t.Error("the table of connections is locked for ever")
	}
}

// newFramesClientPipe is newFramesClient on a pipe, where one side must read while the other writes.
func newFramesClientPipe(t *testing.T, nc net.Conn, settings ...[2]uint32) *framesClient {
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(nc, clientPreface)
	return framesFramer(t, nc, settings...)
}

// TestHTTP2SniffSlowly: a preface may come byte by byte, and so may a request of HTTP/1.1 that begins like it.
func TestHTTP2SniffSlowly(t *testing.T) {
	app, _ := newApp(quart.Config{H2C: true, HeaderTimeout: 3 * time.Second})
	app.Handle(quart.MethodAny, "/", func(c *quart.Ctx) error { return c.Text(200, c.Method()+" "+c.Protocol()) })
	s := serve(t, app)
	t.Run("h2", func(t *testing.T) {
		nc := s.dial()
		for _, b := range []byte(clientPreface) {
			_, _ = nc.Write([]byte{b})
			time.Sleep(2 * time.Millisecond)
		}
		c := framesFramer(t, nc)
		if a := c.want(c.get("/"), "200"); a.body != "GET HTTP/2.0" {
			t.Errorf("%+v", a)
		}
	})
	t.Run("h1", func(t *testing.T) {
		nc := s.dial()
		for _, part := range []string{"P", "R", "I / HTTP/1.1\r\n", "Host: x\r\n\r\n"} {
			send(t, nc, part)
			time.Sleep(10 * time.Millisecond)
		}
		readAnswer(t, newReader(nc), "PRI").want(t, 200, "PRI HTTP/1.1")
	})
	t.Run("never", func(t *testing.T) {
		nc := s.dial()
		send(t, nc, "PRI * HT")
		start := time.Now()
		_, err := io.ReadAll(nc)
		if d := time.Since(start); d > hangTime {
			t.Errorf("%v after %v", err, d)
		}
	})
}

// TestHTTP2MaxConns: event streams of HTTP/2 clients must not use up the connections of all others.
func TestHTTP2MaxConns(t *testing.T) {
	app, _ := newApp(quart.Config{H2C: true, MaxConns: 50, MaxConnsPerIP: 5})
	app.SSE("/events", func(s *quart.EventStream) error { return s.Park() })
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "hello") })
	s := serve(t, app)
	c := s.h2()
	for range 60 {
		c.head(c.get("/events"))
	}
	if a := s.get("/"); a.StatusCode != 200 {
		t.Errorf("one client with 60 event streams keeps others out: %d", a.StatusCode)
	}
}

// TestHTTP2UnreadBody: event streams whose requests had bodies that nobody read must not block the uploads of the same connection.
func TestHTTP2UnreadBody(t *testing.T) {
	app, _ := newApp(quart.Config{H2C: true, BodyLimit: 8 << 20})
	app.Post("/events", func(c *quart.Ctx) error { return c.SSE(func(s *quart.EventStream) error { return s.Park() }) })
	app.Post("/", func(c *quart.Ctx) error {
		b, err := c.Body()
		if err != nil {
			return err
		}
		return c.Text(200, itoa(len(b)))
	})
	c := serve(t, app).h2()
	for range 4 {
		id := c.request("POST", "/events", false)
		c.head(id)
		for range 15 {
			c.data(id, false, make([]byte, 16<<10))
		}
	}
	left := func() int { return 65_535 + c.room - 4*15*16<<10 }
	for left() < 400<<10 && c.read() == nil {
	}
	if left() < 400<<10 {
		t.Errorf("%d bytes of the connection's window are left for other uploads", left())
	}
}

// TestHTTP2TimeoutRace: the timer of a stream's time meets the end of the stream: its Reset must not hit a stream that was freed.
func TestHTTP2TimeoutRace(t *testing.T) {
	app, _ := newApp(quart.Config{H2C: true, Log: slog.New(slog.DiscardHandler)})
	piece := make([]byte, 1000) // byte by byte, the frames keep a client busy for seconds
	app.Get("/timed", func(c *quart.Ctx) error {
		return c.Stream("text/plain", func(w *quart.StreamWriter) error {
			w.SetTimeout(2 * time.Millisecond)
			for {
				_, _ = w.Write(piece)
				if err := w.Flush(); err != nil {
					return quart.ErrClosed
				}
			}
		})
	})
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "hello") })
	s := serve(t, app)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c := s.h2()
			_ = c.write(frameWindowUpdate, 0, 0, binary.BigEndian.AppendUint32(nil, 1<<30))
			for range 15 {
				var timed [8]uint32
				for i := range timed {
					timed[i] = c.get("/timed")
				}
				if a := c.await(c.get("/")); a.reset || a.status != "200" {
					t.Errorf("%+v", a)
				}
				for _, id := range timed {
					if a := c.await(id); !a.reset {
						t.Errorf("stream %d ended, though its time is up", id)
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestHTTP2EarlyProblem: a stream that fails before its first byte is answered by a problem without the fields that HTTP/2 does not have.
func TestHTTP2EarlyProblem(t *testing.T) {
	app, _ := newApp(quart.Config{H2C: true})
	app.Get("/", func(c *quart.Ctx) error {
		c.SetHeader("Upgrade", "h2c")
		c.SetHeader("Keep-Alive", "timeout=5")
		c.SetHeader("X-Kept", "1")
		return c.Stream("text/plain", func(*quart.StreamWriter) error { return errors.New("no") })
	})
	c := serve(t, app).h2()
	a := c.await(c.get("/"))
	if a.status != "500" || a.head["upgrade"] != "" || a.head["keep-alive"] != "" || a.head["x-kept"] != "1" {
		t.Errorf("%+v", a)
	}
}

// TestHTTP2CatchAll: an error handler that answers 200 does not open a websocket.
func TestHTTP2CatchAll(t *testing.T) {
	app, _ := newApp(quart.Config{H2C: true})
	app.OnStatus(404, func(c *quart.Ctx, err error) error { return c.Text(200, "index") })
	app.OnStatus(400, func(c *quart.Ctx, err error) error { return c.Text(200, "sorry") })
	app.Get("/plain", func(c *quart.Ctx) error { return c.Text(200, "x") })
	s := serve(t, app)
	for _, path := range []string{"/plain", "/nowhere"} {
		c := s.h2()
		if a := c.head(c.connect(path)); strings.HasPrefix(a.status, "2") {
			t.Errorf("%s: %+v", path, a)
		}
	}
}

var _ = fmt.Sprint

// TestHTTP2Storm: clients that come, go, cut and hang, over everything that holds a stream; nothing is left behind, and nobody gets what is another's.
func TestHTTP2Storm(t *testing.T) {
	app, _ := newApp(quart.Config{H2C: true, Log: slog.New(slog.DiscardHandler), BodyLimit: 64 << 10, WriteTimeout: time.Second, ShutdownGrace: 3 * time.Second})
	var parked sync.Map
	app.Get("/echo/{id}", func(c *quart.Ctx) error { return c.Text(200, c.Param("id")) })
	app.Get("/large/{id}", func(c *quart.Ctx) error { return c.Text(200, strings.Repeat(c.Param("id")+".", 20_000)) })
	app.Post("/body/{id}", func(c *quart.Ctx) error {
		b, err := c.Body()
		if err != nil {
			return err
		}
		return c.Text(200, c.Param("id")+string(b))
	})
	app.Get("/stream/{id}", func(c *quart.Ctx) error {
		id := c.Param("id")
		_ = c.Context()
		return c.Stream("text/plain", func(w *quart.StreamWriter) error {
			for range 50 {
				_, _ = w.WriteString(id + ".")
				if err := w.Flush(); err != nil {
					return err
				}
			}
			return nil
		})
	})
	app.Get("/hard/{id}", func(c *quart.Ctx) error {
		c.SetHardTimeout(time.Millisecond)
		time.Sleep(time.Duration(time.Now().UnixNano()%3) * time.Millisecond)
		return c.Text(200, c.Param("id"))
	})
	app.SSE("/events/{id}", func(s *quart.EventStream) error {
		parked.Store(s, true)
		return s.Park()
	})
	app.SSE("/ticks/{id}", func(s *quart.EventStream) error {
		for range s.Tick(time.Millisecond) {
			if err := s.Send(quart.Event{Data: s.Param("id")}); err != nil {
				return err
			}
		}
		return nil
	})
	app.WebSocket("/ws/{id}", contractEcho)
	s := serve(t, app)
	stop := time.Now().Add(6 * time.Second)
	var wg sync.WaitGroup
	wg.Go(func() {
		f := quart.NewFrame("", quart.Message{Data: bytes.Repeat([]byte("x"), 1000)})
		for time.Now().Before(stop) {
			parked.Range(func(k, _ any) bool {
				if err := k.(*quart.EventStream).Post(f); err != nil && !errors.Is(err, quart.ErrQueueFull) {
					parked.Delete(k)
				}
				return true
			})
			time.Sleep(time.Millisecond)
		}
	})
	for i := range 6 {
		wg.Go(func() {
			for n := 0; time.Now().Before(stop); n++ {
				c := s.h2()
				var ids []uint32
				want := map[uint32]string{}
				for k := range 40 {
					id := fmt.Sprintf("%d-%d-%d", i, n, k)
					switch (n + k) % 9 {
					case 0, 1:
						st := c.get("/echo/" + id)
						want[st] = id
						ids = append(ids, st)
					case 2:
						ids = append(ids, c.get("/large/"+id))
					case 3:
						st := c.request("POST", "/body/"+id, false)
						c.data(st, k%2 == 0, []byte("-body"))
						if k%2 == 0 {
							want[st] = id + "-body"
						}
						ids = append(ids, st)
					case 4:
						st := c.get("/stream/" + id)
						want[st] = strings.Repeat(id+".", 50)
						ids = append(ids, st)
					case 5:
						ids = append(ids, c.get("/hard/"+id))
					case 6:
						ids = append(ids, c.get("/events/"+id))
					case 7:
						ids = append(ids, c.get("/ticks/"+id))
					case 8:
						ids = append(ids, c.connect("/ws/"+id))
					}
					if k%5 == 4 {
						_ = c.write(frameRSTStream, 0, ids[len(ids)/2], binary.BigEndian.AppendUint32(nil, 8 /* CANCEL */))
						delete(want, ids[len(ids)/2])
					}
				}
				for st, body := range want {
					if a := c.await(st); !a.reset && a.body != body {
						t.Errorf("stream %d: %.100q, want %.100q", st, a.body, body)
					}
				}
				if n%3 != 0 {
					_ = c.nc.Close()
					continue
				}
				time.AfterFunc(time.Until(stop), func() { _ = c.nc.Close() }) // reads nothing
			}
		})
	}
	wg.Wait()
	for until := time.Now().Add(8 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if st := app.Stats(); st.InFlight == 0 && st.Conns == 0 && st.Streams == 0 && st.Sockets == 0 {
			break
		} else if time.Now().After(until) {
			t.Fatalf("%+v", st)
		}
	}
}
