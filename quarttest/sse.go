package quarttest

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/goquart/quart"
)

// Stream is an open stream of server-sent events. It is read all the time, like a browser reads: a test that is slow to call Next does not
// slow the app down. It is safe for concurrent use, and closed with the test at the latest.
type Stream struct {
	cl     *Client
	x      exchange
	head   *Response
	ended  chan struct{} // closed when nothing is read any more
	closed sync.Once

	mu   sync.Mutex
	news chan struct{} // closed, and replaced, when what is below has changed
	dec  eventDecoder
	seen int   // comments that NextComment returned
	err  error // why nothing more comes; io.EOF is a proper end
}

// SSE opens an event stream as a browser's EventSource does: GET with Accept: text/event-stream, and the cookies of the client. header is
// names and values, in turn: "Last-Event-ID" with [Stream.LastEventID] for a client that comes back, "Connection" with "close" for an
// old proxy of HTTP/1.1. The test ends unless the answer is 200 with the type text/event-stream. Redirects are not followed.
func (cl *Client) SSE(target string, header ...string) *Stream {
	cl.t.Helper()
	r := cl.Get(target)
	if len(header)%2 != 0 {
		cl.t.Fatalf("GET %s: SSE takes header names and values in turn", target)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header(header[i], header[i+1])
	}
	return r.SSE()
}

// SSE is [Client.SSE] for a request of another method or with a body.
func (r *Request) SSE() *Stream {
	r.cl.t.Helper()
	s, err := r.openStream()
	if err != nil {
		r.cl.t.Fatalf("%s %s: %v", r.method, r.target, err)
	}
	return s
}

func (r *Request) openStream() (*Stream, error) {
	if err := r.ready(); err != nil {
		return nil, err
	}
	step := *r
	step.header = slices.Clone(r.header)
	for _, f := range []field{{"Accept", "text/event-stream"}, {"Cache-Control", "no-cache"}} {
		if !step.has(f.name) {
			step.header = append(step.header, f)
		}
	}
	x, err := step.send()
	if err != nil {
		return nil, err
	}
	s, err := step.readStream(x)
	if err != nil {
		x.leave()
		return nil, err
	}
	return s, nil
}

// readStream reads the head and starts the reader of what follows.
func (r *Request) readStream(x exchange) (*Stream, error) {
	resp, err := x.readFinal()
	if err != nil {
		return nil, err
	}
	r.took(resp)
	if why := refusal(resp); why != "" {
		err := readBody(x, r.method, resp)
		return nil, errors.Join(fmt.Errorf("no event stream: %s; body: %s", why, excerpt(resp.body)), err)
	}
	body, err := x.body(r.method, resp)
	if err != nil {
		return nil, err
	}
	x.patient()
	s := &Stream{cl: r.cl, x: x, head: resp, ended: make(chan struct{}), news: make(chan struct{})}
	r.cl.readers.Go(func() { s.receive(body) })
	return s, nil
}

// refusal says why an EventSource would fail for good, "" if it would not.
func refusal(resp *Response) string {
	contentType, _, _ := mime.ParseMediaType(resp.Header("Content-Type"))
	switch {
	case resp.Status != 200:
		return fmt.Sprintf("status %d", resp.Status)
	case contentType != "text/event-stream":
		return fmt.Sprintf("Content-Type %q", resp.Header("Content-Type"))
	case resp.HasHeader("Content-Encoding"):
		return fmt.Sprintf("Content-Encoding %q, which was not asked for", resp.Header("Content-Encoding"))
	}
	return ""
}

// receive reads until the stream ends.
func (s *Stream) receive(body io.Reader) {
	defer close(s.ended)
	buf := make([]byte, 4096)
	for {
		n, err := body.Read(buf)
		s.mu.Lock()
		if wrong := s.dec.write(buf[:n]); wrong != nil {
			err = wrong
		}
		if s.err == nil {
			s.err = err
		}
		close(s.news)
		s.news = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			s.x.leave()
			return
		}
	}
}

// Next returns the next event; the test ends when none comes within that time, or the stream does. An event has the fields that were sent
// with it: ID is not that of an earlier event. Line ends in Data are LF, Comment is empty.
func (s *Stream) Next(within time.Duration) quart.Event {
	s.cl.t.Helper()
	e, err := s.Try(within)
	if err != nil {
		s.cl.t.Fatalf("%s: no event: %v", s, err)
	}
	return e
}

// Try is Next that returns the failure: an error that wraps os.ErrDeadlineExceeded when none came in time, io.EOF when the app has ended the
// stream, net.ErrClosed after Close, and io.ErrUnexpectedEOF or another error when the stream was cut or is malformed. Events that were
// received before are returned first. The end of a body that is delimited by that of its connection is a proper end.
func (s *Stream) Try(within time.Duration) (e quart.Event, err error) {
	err = s.await(within, func() bool {
		if len(s.dec.events) == 0 {
			return false
		}
		e, s.dec.events = s.dec.events[0], s.dec.events[1:]
		return true
	})
	return e, err
}

// NextComment returns the next comment, a heartbeat for one, "" for an empty line of comment. The test ends when none comes within that time.
// Events and comments have an order each, and none in common.
func (s *Stream) NextComment(within time.Duration) string {
	s.cl.t.Helper()
	var comment string
	err := s.await(within, func() bool {
		if s.seen == len(s.dec.comments) {
			return false
		}
		comment = s.dec.comments[s.seen]
		s.seen++
		return true
	})
	if err != nil {
		s.cl.t.Fatalf("%s: no comment: %v", s, err)
	}
	return comment
}

// End waits for the app to end the stream. The test ends when that takes longer, when an event comes or was not taken yet, when the stream
// was cut or is malformed, and when it ends within an event, which browsers would drop.
func (s *Stream) End(within time.Duration) {
	s.cl.t.Helper()
	e, err := s.Try(within)
	if err == nil {
		s.cl.t.Fatalf("%s: %+v, want the end of the stream", s, e)
	}
	if !errors.Is(err, io.EOF) {
		s.cl.t.Fatalf("%s: no proper end: %v", s, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dec.unfinished() {
		s.cl.t.Fatalf("%s: the stream ends within an event", s)
	}
}

// await calls take, with mu held, until it returns true, the stream has ended or the time is over.
func (s *Stream) await(within time.Duration, take func() bool) error {
	timer := time.NewTimer(within)
	defer timer.Stop()
	for late := false; ; {
		s.mu.Lock()
		taken, news, err := take(), s.news, s.err
		s.mu.Unlock()
		switch {
		case taken:
			return nil
		case err == io.EOF:
			return fmt.Errorf("the app has ended the stream: %w", err)
		case err == net.ErrClosed:
			return fmt.Errorf("the test has closed the stream: %w", err)
		case err != nil:
			return fmt.Errorf("the stream was cut: %w", err)
		case late:
			return fmt.Errorf("none came within %v: %w", within, os.ErrDeadlineExceeded)
		}
		select {
		case <-news:
		case <-timer.C:
			late = true
		}
	}
}

// Close leaves, as a tab that is closed. What came before is still there to be taken. Later calls do nothing.
func (s *Stream) Close() {
	s.closed.Do(func() {
		s.mu.Lock()
		if s.err == nil {
			s.err = net.ErrClosed
		}
		s.mu.Unlock()
		s.x.leave()
	})
	<-s.ended
}

// Header returns the first value of a header field of the answer.
func (s *Stream) Header(name string) string { return s.head.Header(name) }

// LastEventID returns the id that a browser would come back with: that of the last complete block with one, be it without data and so no
// event, or taken by Next or not.
func (s *Stream) LastEventID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dec.lastID
}

// Retry returns the reconnection time that the app has set last, 0 if none.
func (s *Stream) Retry() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dec.retry
}

// Comments returns how many lines of comment came so far.
func (s *Stream) Comments() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.dec.comments)
}

// String names the stream in messages.
func (s *Stream) String() string { return s.head.method + " " + s.head.Target }
