package quart_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
	"github.com/valyala/fasthttp"
)

// events reads a stream of events and returns the lines of each, without the retry hint at the start.
type events struct {
	t    testing.TB
	nc   net.Conn
	head *http.Response
	r    *bufio.Reader
}

func (s *served) events(target string, header ...string) *events {
	s.t.Helper()
	nc := s.dial()
	request := "GET " + target + " HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n"
	for _, h := range header {
		request += h + "\r\n"
	}
	send(s.t, nc, request+"\r\n")
	resp, err := http.ReadResponse(newReader(nc), &http.Request{Method: "GET"})
	if err != nil {
		s.t.Fatal(err)
	}
	e := &events{s.t, nc, resp, bufio.NewReader(resp.Body)}
	if first, err := e.next(); err != nil || !strings.HasPrefix(first, "retry: ") {
		s.t.Fatalf("first: %q, %v", first, err)
	}
	return e
}

// next returns the next event, without its blank line.
func (e *events) next() (string, error) {
	var b strings.Builder
	for {
		line, err := e.r.ReadString('\n')
		if err != nil {
			return b.String() + line, err
		}
		if line == "\n" {
			return b.String(), nil
		}
		b.WriteString(line)
	}
}

func (e *events) want(lines string) {
	e.t.Helper()
	if got, err := e.next(); err != nil || got != lines {
		e.t.Fatalf("event %q, %v; want %q", got, err, lines)
	}
}

// wantEnd wants a proper end of the body.
func (e *events) wantEnd() {
	e.t.Helper()
	if got, err := e.next(); err != io.EOF || got != "" {
		e.t.Fatalf("%q, %v; want the end", got, err)
	}
}

func TestSSEEvents(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.SSE("/", func(s *quart.EventStream) error {
		for _, e := range []quart.Event{
			{Data: "one"},
			{ID: "1", Name: "tick", Data: "a\nb\r\nc\rd", Retry: 1500 * time.Millisecond},
			{Comment: "x\ny"},
			{Retry: time.Second},
			{},
			{ID: "2"},
		} {
			if err := s.Send(e); err != nil {
				return err
			}
		}
		for _, e := range []quart.Event{{ID: "é"}, {ID: "a\nb"}, {Name: "a\nb"}, {ID: "\x00"}, {ID: strings.Repeat("1", 1025)}} {
			if s.Send(e) == nil {
				t.Errorf("%+v was sent", e)
			}
		}
		return s.SendJSON("json", map[string]int{"a": 1})
	})
	e := serve(t, app).events("/")
	h := e.head.Header
	if h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-cache, no-transform" || h.Get("X-Accel-Buffering") != "no" ||
		h.Get("X-Content-Type-Options") != "nosniff" || !e.head.Close {
		t.Errorf("header %v", h)
	}
	e.want("data: one\n")
	e.want("id: 1\nevent: tick\nretry: 1500\ndata: a\ndata: b\ndata: c\ndata: d\n")
	e.want(": x\n: y\nretry: 1000\n")
	e.want("data: \n")
	e.want("id: 2\ndata: \n")
	e.want("event: json\ndata: {\"a\":1}\n")
	e.wantEnd()
}

func TestSSENegotiation(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.SSE("/", func(s *quart.EventStream) error { return s.Send(quart.Event{Data: "x"}) })
	s := serve(t, app)
	for accept, status := range map[string]int{
		"": 200, "text/event-stream": 200, "*/*": 200, "text/*;q=0.1": 200, "text/html": 406, "text/event-stream;q=0": 406, "application/json": 406,
	} {
		var header []string
		if accept != "" {
			header = []string{"Accept: " + accept}
		}
		if got := s.get("/", header...); got.StatusCode != status {
			t.Errorf("%q: %d, want %d", accept, got.StatusCode, status)
		}
	}
	if got := s.do("HEAD", "/", ""); got.StatusCode != 200 || got.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD: %d %v", got.StatusCode, got.Header)
	}
	got := s.raw("GET", "GET / HTTP/1.0\r\nHost: a\r\n\r\n")
	if got.StatusCode != 200 || len(got.TransferEncoding) > 0 || !strings.HasSuffix(got.body, "\n\ndata: x\n\n") {
		t.Errorf("1.0: %q", got.body)
	}
}

// TestSSEScope: what the request had is there when the Ctx is gone.
func TestSSEScope(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.SSE("/rooms/{room}/{seat:int}", func(s *quart.EventStream) error {
		n, _ := benchKey.Get(s)
		return s.Send(quart.Event{Data: s.Param("room") + " " + s.Param("seat") + s.Param("none") + " " + s.LastEventID() + " " + strconv.Itoa(n)})
	}).Use(func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			benchKey.Set(c, 9)
			return next(c)
		}
	})
	e := serve(t, app).events("/rooms/caf%C3%A9/12", "Last-Event-ID: 41")
	e.want("data: café 12 41 9\n")
	e.wantEnd()
}

// TestSSEBurst: whatever is gathered arrives, whole and in order.
func TestSSEBurst(t *testing.T) {
	const n = 20_000
	app, _ := newApp(quart.Config{})
	app.SSE("/", func(s *quart.EventStream) error {
		for i := range n {
			if err := s.Send(quart.Event{ID: strconv.Itoa(i), Data: strings.Repeat("x", i%100)}); err != nil {
				return err
			}
		}
		return nil
	})
	e := serve(t, app).events("/")
	for i := range n {
		e.want("id: " + strconv.Itoa(i) + "\ndata: " + strings.Repeat("x", i%100) + "\n")
	}
	e.wantEnd()
}

// TestSSEFirstEventIsNotHeldBack: an event that comes alone is written at once, not when the next one comes.
func TestSSEFirstEventIsNotHeldBack(t *testing.T) {
	app, _ := newApp(quart.Config{})
	next := make(chan string)
	app.SSE("/", func(s *quart.EventStream) error {
		for data := range next {
			if err := s.Send(quart.Event{Data: data}); err != nil {
				return err
			}
		}
		return nil
	})
	e := serve(t, app).events("/") // the head and the hint come before any event
	for _, data := range []string{"a", "b", "c"} {
		next <- data
		e.want("data: " + data + "\n")
	}
	close(next)
	e.wantEnd()
}

func TestSSEClientLeaves(t *testing.T) {
	app, log := newApp(quart.Config{})
	over := make(chan error)
	app.SSE("/tick", func(s *quart.EventStream) error {
		for range s.Tick(time.Hour) {
			t.Error("tick")
		}
		over <- context.Cause(s.Context())
		return s.Send(quart.Event{})
	})
	parked := make(chan *quart.EventStream, 1)
	app.SSE("/park", func(s *quart.EventStream) error {
		context.AfterFunc(s.Context(), func() { over <- context.Cause(s.Context()) })
		parked <- s
		return s.Park()
	})
	s := serve(t, app)
	for _, target := range []string{"/tick", "/park"} {
		e := s.events(target)
		_ = e.nc.Close()
		if err := <-over; err != quart.ErrClosed {
			t.Errorf("%s: %v", target, err)
		}
	}
	f := quart.NewFrame("", quart.Message{Data: []byte("x")})
	if err := (<-parked).Post(f); err != quart.ErrClosed {
		t.Errorf("Post: %v", err)
	}
	if strings.Contains(log.String(), "ERROR") {
		t.Errorf("log: %s", log)
	}
}

func TestSSEFailure(t *testing.T) {
	app, log := newApp(quart.Config{})
	app.SSE("/error", func(s *quart.EventStream) error {
		_ = s.Send(quart.Event{Data: "x"})
		return errors.New("broken")
	})
	app.SSE("/panic", func(s *quart.EventStream) error {
		_ = s.Send(quart.Event{Data: "x"})
		panic("broken")
	})
	s := serve(t, app)
	for _, target := range []string{"/error", "/panic"} {
		e := s.events(target)
		e.want("data: x\n")
		if _, err := e.next(); err == nil || err == io.EOF {
			t.Errorf("%s: a failed stream ends properly: %v", target, err)
		}
	}
	if strings.Count(log.String(), "an event stream failed") != 2 {
		t.Errorf("log: %s", log)
	}
}

// TestSSEPark posts from many goroutines to parked streams, which have none of their own.
func TestSSEPark(t *testing.T) {
	const streams, posts = 20, 50
	app, _ := newApp(quart.Config{})
	joined := make(chan *quart.EventStream, streams)
	app.SSE("/", func(s *quart.EventStream) error {
		joined <- s
		return s.Park()
	})
	s := serve(t, app)
	var clients []*events
	var live []quart.Live
	for range streams {
		clients = append(clients, s.events("/"))
		live = append(live, <-joined)
	}
	if got := app.Stats(); got.Streams != streams || got.Sockets != 0 {
		t.Errorf("%+v", got)
	}
	for i := range posts {
		f := quart.NewFrame(strconv.Itoa(i), quart.Message{Data: []byte("m" + strconv.Itoa(i))})
		for _, l := range live {
			if err := l.Post(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, e := range clients {
		for i := range posts {
			e.want("id: " + strconv.Itoa(i) + "\ndata: m" + strconv.Itoa(i) + "\n")
		}
	}
	for _, l := range live {
		l.Close()
		<-l.Context().Done()
	}
	for _, e := range clients {
		e.wantEnd()
	}
}

func TestSSEFrames(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.SSE("/", func(s *quart.EventStream) error {
		named, err := quart.Event{Name: "n", Data: "a\nb", Retry: time.Second}.Frame()
		if err != nil {
			return err
		}
		if _, err := (quart.Event{ID: "é"}).Frame(); err == nil {
			t.Error("a bad id makes a frame")
		}
		for _, f := range []*quart.Frame{
			named, quart.NewFrame("é", quart.Message{Data: []byte("left out")}), quart.NewFrame("7", quart.Message{Data: []byte{0, 255}, Binary: true}),
		} {
			if err := s.Post(f); err != nil {
				return err
			}
		}
		return s.Send(quart.Event{Data: "after"})
	})
	s := serve(t, app)
	e := s.events("/")
	e.want("event: n\nretry: 1000\ndata: a\ndata: b\n")
	e.want("data: left out\n")
	e.want("id: 7\ndata: AP8=\n")
	e.want("data: after\n")
	e.wantEnd()
	if got := s.raw("GET", get10); !strings.HasSuffix(got.body, "\n\nid: 7\ndata: AP8=\n\ndata: after\n\n") {
		t.Errorf("1.0: %q", got.body)
	}
}

// TestSSESlowClient: a parked stream whose client does not read is closed when its queue is full, and Post never waits.
func TestSSESlowClient(t *testing.T) {
	app, _ := newApp(quart.Config{SSE: quart.SSEConfig{Queue: 8}})
	joined := make(chan *quart.EventStream, 1)
	app.SSE("/", func(s *quart.EventStream) error {
		joined <- s
		return s.Park()
	})
	s := serve(t, app)
	e := s.events("/")
	live := <-joined
	f := quart.NewFrame("", quart.Message{Data: make([]byte, 256<<10)})
	var err error
	for err == nil { // until the socket's buffers are full, and then 8 more
		err = live.Post(f)
	}
	if err != quart.ErrQueueFull {
		t.Errorf("%v", err)
	}
	<-live.Context().Done()
	if err := live.Post(f); err != quart.ErrQueueFull && err != quart.ErrClosed {
		t.Errorf("later: %v", err)
	}
	if _, err := io.Copy(io.Discard, e.r); err == nil {
		t.Error("a stream that lost events ends properly")
	}
}

// TestSSEStop: at the stop of the app all streams end properly, those with a function and parked ones, and new ones do too.
func TestSSEStop(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.SSE("/tick", func(s *quart.EventStream) error {
		_ = s.Send(quart.Event{Data: "x"})
		for range s.Tick(time.Hour) {
		}
		return nil
	})
	app.SSE("/park", func(s *quart.EventStream) error {
		_ = s.Send(quart.Event{Data: "x"})
		return s.Park()
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := contextWithCancel()
	done := make(chan error, 1)
	go func() { done <- app.Serve(ctx, l) }()
	s := &served{t: t, addr: l.Addr().String()}
	var open []*events
	for range 5 {
		for _, target := range []string{"/tick", "/park"} {
			e := s.events(target)
			e.want("data: x\n")
			open = append(open, e)
		}
	}
	stop()
	var wg sync.WaitGroup
	for _, e := range open {
		wg.Go(e.wantEnd)
	}
	wg.Wait()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// TestSSEKeepAlive: a quiet stream gets a comment, one with events does not.
func TestSSEKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp(quart.Config{SSE: quart.SSEConfig{KeepAlive: 10 * time.Second}})
		app.SSE("/quiet", func(s *quart.EventStream) error { return s.Park() })
		app.SSE("/busy", func(s *quart.EventStream) error {
			for range s.Tick(time.Second) {
				_ = s.Send(quart.Event{Data: "x"})
			}
			return nil
		})
		cl := quarttest.New(t, app)
		quiet, busy := cl.SSE("/quiet"), cl.SSE("/busy")
		for range 65 {
			busy.Next(2 * time.Second)
		}
		synctest.Wait()
		if n := quiet.Comments(); n < 5 || n > 7 {
			t.Errorf("quiet: %d comments", n)
		}
		if n := busy.Comments(); n != 0 {
			t.Errorf("busy: %d comments", n)
		}
	})
}

// TestSSEForeignServer runs the same code behind a fasthttp server that is not quart's, where the body's writer is the outlet.
func TestSSEForeignServer(t *testing.T) {
	app, _ := newApp(quart.Config{})
	posted := make(chan struct{})
	app.SSE("/", func(s *quart.EventStream) error {
		_ = s.Send(quart.Event{Data: "first"})
		go func() {
			defer close(posted)
			_ = s.Post(quart.NewFrame("1", quart.Message{Data: []byte("second")}))
			s.Close()
		}()
		return s.Park()
	})
	s := serveForeign(t, app)
	e := s.events("/")
	e.want("data: first\n")
	e.want("id: 1\ndata: second\n")
	e.wantEnd()
	<-posted
}

// serveForeign serves app by an fasthttp server that knows nothing of quart.
func serveForeign(t *testing.T, app *quart.App) *served {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &fasthttp.Server{Handler: app.Handler(), StreamRequestBody: true, DisablePreParseMultipartForm: true, NoDefaultContentType: true}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return &served{t: t, addr: l.Addr().String()}
}

// TestSSEOverTLS: a socket whose writes cannot be tried is written to by goroutines that end.
func TestSSEOverTLS(t *testing.T) {
	app, _ := newApp(quart.Config{TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}})
	joined := make(chan *quart.EventStream, 1)
	app.SSE("/", func(s *quart.EventStream) error {
		_ = s.Send(quart.Event{Data: "hello"})
		joined <- s
		return s.Park()
	})
	s := serve(t, app)
	nc, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	send(t, nc, get11)
	resp, err := http.ReadResponse(newReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &events{t, nc, resp, bufio.NewReader(resp.Body)}
	_, _ = e.next()
	e.want("data: hello\n")
	live := <-joined
	for i := range 100 {
		if err := live.Post(quart.NewFrame("", quart.Message{Data: []byte(strconv.Itoa(i))})); err != nil {
			t.Fatal(err)
		}
		if i%30 == 0 {
			e.want("data: " + strconv.Itoa(i) + "\n")
			continue
		}
		if i%30 == 29 {
			for k := i - 28; k <= i; k++ {
				e.want("data: " + strconv.Itoa(k) + "\n")
			}
		}
	}
	_ = nc.Close()
	<-live.Context().Done()
}

// TestSSEAfterHardTimeout: a stream that comes too late finds the connection answered, and nothing of it stays.
func TestSSEAfterHardTimeout(t *testing.T) {
	app, _ := newApp(quart.Config{})
	release := make(chan struct{})
	app.Get("/", func(c *quart.Ctx) error {
		c.SetHardTimeout(time.Millisecond)
		<-release
		return c.SSE(func(*quart.EventStream) error {
			t.Error("the stream runs")
			return nil
		})
	})
	s := serve(t, app)
	if got := s.get("/"); got.StatusCode != 503 {
		t.Errorf("%d", got.StatusCode)
	}
	close(release)
	for app.Stats().Conns > 0 {
		time.Sleep(time.Millisecond)
	}
	if got := app.Stats(); got.Streams != 0 {
		t.Errorf("%+v", got)
	}
}

// TestSSEOfPost: the body is read before, or left; both ways the stream arrives whole.
func TestSSEOfPost(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Post("/{how}", func(c *quart.Ctx) error {
		data := "unread"
		if c.Param("how") == "read" {
			b, err := c.Body()
			if err != nil {
				return err
			}
			data = string(b)
		}
		return c.SSE(func(s *quart.EventStream) error { return s.Send(quart.Event{Data: data}) })
	})
	s := serve(t, app)
	for _, target := range []string{"/read", "/unread"} {
		got := s.do("POST", target, target[1:])
		if !strings.HasSuffix(got.body, "\n\ndata: "+target[1:]+"\n\n") {
			t.Errorf("%s: %q", target, got.body)
		}
	}
}
