//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/bench/internal/proc"

	"github.com/valyala/fasthttp"
)

// The names of the servers.
const (
	ours    = "quart"
	raw     = "fasthttp"
	netHTTP = "net/http"
)

var servers = map[string]func(net.Listener, *stage) error{
	ours:    serveQuart,
	raw:     serveFasthttp,
	netHTTP: serveNetHTTP,
}

// Paths. All servers have roundsPath, uploadPath and, but for net/http, filesPath.
const (
	tickPath   = "/tick"   // an event stream that waits for a clock
	roundsPath = "/rounds" // one that sends the events of each round itself
	parkedPath = "/parked" // one without a goroutine, that the events are posted to
	uploadPath = "/upload" // takes a body and answers its length
	partsPath  = "/parts"  // the same for a form with a file
	filesPath  = "/files/"
	fileName   = "file.bin"
)

// eventData is the data of each event. eventMark is in nothing else that a server sends.
const eventMark = '#'

var eventData = strings.Repeat("x", 63) + string(eventMark)

// A stage tells the streams of a server what to send.
type stage struct {
	dir    string                // of files
	round  atomic.Pointer[round] // the next one
	parked chan *quart.EventStream
	open   []*quart.EventStream // those that were parked
}

// A round is over for a stream when it has sent the events, and has taken next.
type round struct {
	begins chan struct{} // closed
	events int
	next   *round
}

func newStage(dir string) *stage {
	st := &stage{dir: dir, parked: make(chan *quart.EventStream, 1<<14)}
	st.round.Store(&round{begins: make(chan struct{})})
	return st
}

// newSite is a server process; dir has its files, or is empty.
func newSite(name, dir string) (*proc.Site, error) {
	serve, ok := servers[name]
	if !ok {
		return nil, fmt.Errorf("no server is named %q", name)
	}
	st := newStage(dir)
	return &proc.Site{Serve: func(l net.Listener) error { return serve(l, st) }, Answer: st.answer}, nil
}

// answer plays rounds: the answer is the time when one began.
func (st *stage) answer(question, arg string) ([]int64, error) {
	if question != "round" {
		return nil, fmt.Errorf("no question is %q", question)
	}
	n, err := strconv.Atoi(arg)
	if err != nil {
		return nil, err
	}
	began := proc.Monotonic()
	st.play(n)
	return []int64{began}, nil
}

// play starts a round. Streams that were opened before, and have sent their first event, take part.
func (st *stage) play(events int) {
	r, next := st.round.Load(), &round{begins: make(chan struct{})}
	r.events, r.next = events, next
	st.round.Store(next)
	close(r.begins)
	for len(st.parked) > 0 {
		st.open = append(st.open, <-st.parked)
	}
	if len(st.open) == 0 {
		return
	}
	for range events {
		frame := quart.NewFrame("", quart.Message{Data: []byte(eventData)})
		st.open = slices.DeleteFunc(st.open, func(s *quart.EventStream) bool { return s.Post(frame) != nil }) // who asked finds that events are missing
	}
}

// perform takes part in the rounds after r until done.
func (r *round) perform(done <-chan struct{}, send func() error) error {
	for {
		select {
		case <-done:
			return nil
		case <-r.begins:
		}
		for range r.events {
			if err := send(); err != nil {
				return err
			}
		}
		r = r.next
	}
}

func serveQuart(l net.Listener, st *stage) error {
	app := quart.New(quart.Config{})
	app.SSE(tickPath, func(s *quart.EventStream) error {
		if err := s.Send(quart.Event{Data: eventData}); err != nil {
			return err
		}
		for range s.Tick(time.Hour) {
			if err := s.Send(quart.Event{Data: eventData}); err != nil {
				return err
			}
		}
		return nil
	})
	app.SSE(roundsPath, func(s *quart.EventStream) error {
		r := st.round.Load()
		if err := s.Send(quart.Event{Data: eventData}); err != nil {
			return err
		}
		return r.perform(s.Context().Done(), func() error { return s.Send(quart.Event{Data: eventData}) })
	})
	app.SSE(parkedPath, func(s *quart.EventStream) error {
		st.parked <- s
		if err := s.Send(quart.Event{Data: eventData}); err != nil {
			return err
		}
		return s.Park()
	})
	app.Post(uploadPath, func(c *quart.Ctx) error {
		n, err := drain(c.BodyReader())
		if err != nil {
			return err
		}
		return c.Text(200, strconv.FormatInt(n, 10))
	}).BodyLimit(-1).BodyTimeout(-1)
	app.Post(partsPath, func(c *quart.Ctx) error {
		var all int64
		for part, err := range c.Parts() {
			if err != nil {
				return err
			}
			n, err := drain(part)
			if err != nil {
				return err
			}
			all += n
		}
		return c.Text(200, strconv.FormatInt(all, 10))
	}).BodyLimit(-1).BodyTimeout(-1)
	if st.dir != "" {
		app.Static(filesPath, os.DirFS(st.dir))
	}
	return app.Serve(context.Background(), l)
}

// drain reads to the end, in pieces of 64 KiB.
func drain(r io.Reader) (n int64, err error) {
	buf := make([]byte, 64<<10)
	for {
		m, err := r.Read(buf)
		n += int64(m)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// writeEvent writes an event as programs on fasthttp and net/http do, and flushes it.
func writeEvent(w io.Writer, flush func() error) error {
	_, _ = io.WriteString(w, "data: ")
	_, _ = io.WriteString(w, eventData)
	if _, err := io.WriteString(w, "\n\n"); err != nil {
		return err
	}
	return flush()
}

func serveFasthttp(l net.Listener, st *stage) error {
	files := (&fasthttp.FS{Root: st.dir, PathRewrite: fasthttp.NewPathSlashesStripper(1)}).NewRequestHandler()
	s := &fasthttp.Server{NoDefaultServerHeader: true, StreamRequestBody: true, MaxRequestBodySize: 1 << 40}
	s.Handler = func(fc *fasthttp.RequestCtx) {
		switch path := string(fc.Path()); {
		case path == roundsPath:
			fc.SetContentType("text/event-stream")
			fc.SetBodyStreamWriter(func(w *bufio.Writer) {
				r := st.round.Load()
				if writeEvent(w, w.Flush) == nil {
					_ = r.perform(nil, func() error { return writeEvent(w, w.Flush) }) // it ends with the connection
				}
			})
		case path == uploadPath:
			n, err := drain(fc.RequestBodyStream())
			if err != nil {
				fc.Error(err.Error(), fasthttp.StatusBadRequest)
				return
			}
			fc.SetBodyString(strconv.FormatInt(n, 10))
		case strings.HasPrefix(path, filesPath):
			files(fc)
		default:
			fc.NotFound()
		}
	}
	return s.Serve(l)
}

func serveNetHTTP(l net.Listener, st *stage) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+roundsPath, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		flush := http.NewResponseController(w).Flush
		first := st.round.Load()
		if writeEvent(w, flush) == nil {
			_ = first.perform(r.Context().Done(), func() error { return writeEvent(w, flush) }) // it ends with the connection
		}
	})
	mux.HandleFunc("POST "+uploadPath, func(w http.ResponseWriter, r *http.Request) {
		n, err := drain(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, strconv.FormatInt(n, 10)) // a client that left is no failure
	})
	return http.Serve(l, mux)
}
