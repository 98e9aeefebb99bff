package quart_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goquart/quart"
)

// withTLS returns cfg with a certificate if secure.
func withTLS(t *testing.T, cfg quart.Config, secure bool) quart.Config {
	t.Helper()
	if secure {
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	}
	return cfg
}

// dialAs is dial with or without TLS.
func (s *served) dialAs(secure bool) net.Conn {
	s.t.Helper()
	nc := s.dial()
	if secure {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	return nc
}

// eventLines sends a request for / and returns the body of its answer.
func eventLines(t testing.TB, nc net.Conn) *bufio.Reader {
	t.Helper()
	send(t, nc, get11)
	resp, err := http.ReadResponse(newReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	return bufio.NewReaderSize(resp.Body, 64<<10)
}

// parking serves streams that are parked, on /.
func parking(cfg quart.Config) (*quart.App, <-chan *quart.EventStream) {
	app, _ := newApp(cfg)
	joined := make(chan *quart.EventStream, 1)
	app.SSE("/", func(s *quart.EventStream) error {
		joined <- s
		return s.Park()
	})
	return app, joined
}

// TestSSEForeignClientLeaves: behind a server that tells nothing of its clients, a write that fails ends a parked stream, which holds a goroutine there.
func TestSSEForeignClientLeaves(t *testing.T) {
	app, joined := parking(quart.Config{SSE: quart.SSEConfig{Queue: 1 << 20}}) // a full queue would end it as well
	s := serveForeign(t, app)
	e := s.events("/")
	live := <-joined
	ctx := live.Context()
	_ = e.nc.(*net.TCPConn).SetLinger(0)
	_ = e.nc.Close()
	f := quart.NewFrame("", quart.Message{Data: []byte("x")})
	var err error
	for end := time.Now().Add(10 * time.Second); err == nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
		err = live.Post(f)
	}
	if err != quart.ErrClosed {
		t.Errorf("Post: %v", err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Error("the context goes on")
		live.Close()
	}
}

// TestSSEPostsInBursts: a client that reads is not dropped because many frames come at once, one write of which takes longer than they do.
func TestSSEPostsInBursts(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, posters := range []int{1, 4} {
			for _, n := range []int{100, 200, 1000} {
				t.Run(fmt.Sprintf("tls=%v/posters=%d/n=%d", secure, posters, n), func(t *testing.T) {
					var err error
					for range 3 { // a machine that is busy elsewhere may hold up a write for longer than a stream has patience
						if err = burst(t, secure, posters, n); err == nil {
							return
						}
					}
					t.Error(err)
				})
			}
		}
	}
}

// burst posts n frames from each poster to a client that reads as fast as it can.
func burst(t *testing.T, secure bool, posters, n int) error {
	app, joined := parking(withTLS(t, quart.Config{}, secure))
	s := serve(t, app)
	nc := s.dialAs(secure)
	lines := eventLines(t, nc)
	live := <-joined
	received := make(chan int)
	go func() {
		k := 0
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				received <- k
				return
			}
			if strings.HasPrefix(line, "data: x") {
				k++
			}
		}
	}()
	f := quart.NewFrame("", quart.Message{Data: []byte(strings.Repeat("x", 60))})
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for range posters {
		wg.Go(func() {
			for range n {
				if err := live.Post(f); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
			}
		})
	}
	wg.Wait()
	live.Close()
	k := <-received
	if err := failed.Load(); err != nil {
		return fmt.Errorf("a client that reads was dropped, with %d of %d frames: %w", k, posters*n, *err)
	}
	if k != posters*n {
		t.Errorf("%d of %d frames came", k, posters*n)
	}
	return nil
}

// TestSSECountsAsRequest: a stream is one request in the statistics, while it is open and when it is over.
func TestSSECountsAsRequest(t *testing.T) {
	app, joined := parking(quart.Config{})
	s := serve(t, app)
	e := s.events("/")
	live := <-joined
	if n := app.Stats().Requests; n != 1 {
		t.Errorf("open: %d requests", n)
	}
	if err := live.Post(quart.NewFrame("", quart.Message{Data: []byte("x")})); err != nil {
		t.Fatal(err)
	}
	e.want("data: x\n")
	if n := app.Stats().Requests; n != 1 {
		t.Errorf("after an event: %d requests", n)
	}
	_ = e.nc.Close()
	<-live.Context().Done()
	s.waitClosed(app)
	if n := app.Stats().Requests; n != 1 {
		t.Errorf("closed: %d requests", n)
	}
}

// TestSSEQueueFullThenClosed: only the Post that finds the queue full says so, and the stream is closed from then on, also for Send.
func TestSSEQueueFullThenClosed(t *testing.T) {
	app, _ := newApp(quart.Config{})
	streams := make(chan *quart.EventStream, 1)
	hold := make(chan struct{})
	app.SSE("/", func(s *quart.EventStream) error {
		streams <- s
		<-hold
		return nil
	})
	s := serve(t, app)
	defer close(hold) // before the stop
	nc := s.dial()
	send(t, nc, get11)
	live := <-streams
	f := quart.NewFrame("", quart.Message{Data: make([]byte, 100_000)})
	var err error
	for err == nil {
		err = live.Post(f)
	}
	if err != quart.ErrQueueFull {
		t.Errorf("Post: %v", err)
	}
	for what, err := range map[string]error{
		"Send": live.Send(quart.Event{Data: "x"}), "SendJSON": live.SendJSON("n", 1), "Post": live.Post(f), "cause": context.Cause(live.Context()),
	} {
		if err != quart.ErrClosed {
			t.Errorf("%s after the queue was full: %v", what, err)
		}
	}
	_ = nc.Close()
}

// TestSSEInterleaved: events of any size by any way arrive whole, once, and in the order of who sent them.
func TestSSEInterleaved(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("tls=", secure), func(t *testing.T) {
			const senders, n = 5, 25
			app, _ := newApp(withTLS(t, quart.Config{SSE: quart.SSEConfig{Queue: 1 << 20, KeepAlive: 250 * time.Millisecond}}, secure))
			app.SSE("/", func(s *quart.EventStream) error {
				var wg sync.WaitGroup
				for g := range senders {
					wg.Go(func() {
						for i := range n {
							if err := sendAs(s, g, i); err != nil {
								t.Errorf("sender %d, event %d: %v", g, i, err)
								return
							}
						}
					})
				}
				wg.Wait()
				return nil
			})
			lines := eventLines(t, serve(t, app).dialAs(secure))
			var next [senders]int
			for {
				line, err := lines.ReadString('\n')
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				data, ok := strings.CutPrefix(line, "data: ")
				if !ok {
					continue
				}
				fields := strings.Split(strings.Trim(data, "\"\n"), " ")
				g, _ := strconv.Atoi(fields[0])
				if len(fields) != 3 || fields[1] != strconv.Itoa(next[g]) || strings.Trim(fields[2], "z") != "" {
					t.Fatalf("sender %d: %.60q, want event %d", g, data, next[g])
				}
				next[g]++
				if rand.IntN(100) == 0 { // slow at times
					time.Sleep(5 * time.Millisecond)
				}
			}
			for g, k := range next {
				if k != n {
					t.Errorf("sender %d: %d of %d events", g, k, n)
				}
			}
		})
	}
}

// sendAs sends event i of a sender, three of which keep to one way, and now and then takes a rest.
func sendAs(s *quart.EventStream, sender, i int) error {
	size := []int{0, 10, 3000, 17_000, 70_000}[rand.IntN(5)]
	if i == 20 {
		size = 1 << 20
	}
	if rand.IntN(10) == 0 {
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
	}
	data := fmt.Sprintf("%d %d %s", sender, i, strings.Repeat("z", size))
	way := sender
	if sender > 2 {
		way = rand.IntN(3)
	}
	switch way {
	case 0:
		return s.Send(quart.Event{Data: data})
	case 1:
		return s.SendJSON("json", data)
	}
	return s.Post(quart.NewFrame("", quart.Message{Data: []byte(data)}))
}

// staller is a connection that holds fasthttp up between the end of the handler and the start of the stream.
type staller struct {
	net.Conn
	at, goOn, cut chan struct{}
	closed        sync.Once
}

func (l *staller) SetDeadline(d time.Time) error {
	close(l.at)
	<-l.goOn
	return l.Conn.SetDeadline(d)
}

func (l *staller) Close() error {
	l.closed.Do(func() { close(l.cut) })
	return l.Conn.Close()
}

// TestSSEStopBeforeItBegins: a stop that comes between the handler and its stream waits for it, and the stream ends properly.
func TestSSEStopBeforeItBegins(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.SSE("/", func(s *quart.EventStream) error { return s.Send(quart.Event{Data: "x"}) })
	at, goOn, cut := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s, stop, done := serveAround(t, app, func(nc net.Conn) net.Conn { return &staller{Conn: nc, at: at, goOn: goOn, cut: cut} })
	nc := s.dial()
	send(t, nc, get11)
	<-at
	stop()
	select {
	case <-cut:
		t.Error("the stop closes the connection")
	case <-time.After(200 * time.Millisecond): // far more than a stop that waits for nothing takes, and less than the grace
	}
	close(goOn)
	got := readStreamed(t, newReader(nc), "GET")
	if got.err != nil || !strings.HasPrefix(got.body, "retry: ") {
		t.Errorf("%q, %v", got.body, got.err)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// TestSSEEndsInEveryWay: streams that are posted to, sent to, closed, timed out and left by their clients, all at once, and then a stop:
// nothing hangs, nothing panics, nothing stays.
func TestSSEEndsInEveryWay(t *testing.T) {
	app, log := newApp(quart.Config{SSE: quart.SSEConfig{KeepAlive: 300 * time.Millisecond}})
	var live sync.Map // of *quart.EventStream
	app.SSE("/events/{x}", func(s *quart.EventStream) error {
		live.Store(s, nil)
		context.AfterFunc(s.Context(), func() {
			if err := s.Send(quart.Event{Data: "late"}); err != quart.ErrClosed {
				t.Errorf("Send after the end: %v", err)
			}
			s.Close()
			live.Delete(s)
		})
		if rand.IntN(2) == 0 {
			return s.Park()
		}
		for range s.Tick(time.Millisecond) {
			_ = s.SendJSON("tick", s.Param("x"))
		}
		return nil
	})
	app.Get("/stream", func(c *quart.Ctx) error {
		return c.Stream("text/plain", func(w *quart.StreamWriter) error {
			w.SetTimeout(time.Duration(rand.IntN(3000)) * time.Microsecond)
			for range 5 {
				_, _ = w.WriteString(strings.Repeat("y", 5000))
				_ = w.Flush()
				time.Sleep(300 * time.Microsecond)
			}
			return nil
		})
	})
	before, _ := goroutines()
	s, stop, done := serveAround(t, app, nil)
	over := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 20 {
		request := "GET /events/abc HTTP/1.1\r\nHost: a\r\n\r\n"
		if i%4 == 0 {
			request = strings.Repeat("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", 3)
		}
		wg.Go(func() { comeAndGo(s.addr, request, over) })
	}
	for range 4 {
		wg.Go(func() { trouble(&live, over) })
	}
	time.Sleep(700 * time.Millisecond)
	stop()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	close(over)
	wg.Wait()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		n, stacks := goroutines()
		stats := app.Stats()
		if n <= before && stats.Conns == 0 && stats.Streams == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, before %d; %+v\n%s", n, before, stats, stacks)
		}
	}
	if text := log.String(); strings.Contains(text, "panic") || strings.Contains(text, "cut off") {
		t.Errorf("log: %.2000s", text)
	}
}

// comeAndGo is a client that leaves after up to 200 ms and comes back, until over.
func comeAndGo(addr, request string, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		default:
		}
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			return // the app has stopped
		}
		_ = nc.SetDeadline(time.Now().Add(time.Duration(rand.IntN(200)) * time.Millisecond))
		if _, err = io.WriteString(nc, request); err == nil {
			_, _ = io.Copy(io.Discard, nc)
		}
		_ = nc.Close()
	}
}

// trouble posts to all live streams, with a large event or an end now and then, until over.
func trouble(live *sync.Map, over <-chan struct{}) {
	f := quart.NewFrame("1", quart.Message{Data: []byte("posted")})
	for {
		select {
		case <-over:
			return
		case <-time.After(200 * time.Microsecond):
		}
		for key := range live.Range {
			switch s := key.(*quart.EventStream); rand.IntN(50) {
			case 0:
				s.Close()
			case 1:
				_ = s.Send(quart.Event{Data: strings.Repeat("z", 20_000)})
			default:
				_ = s.Post(f)
			}
		}
	}
}
