package quarttest

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

// h2stream is one request over HTTP/2, and its answer. What is below c is guarded by c.mu.
type h2stream struct {
	id     uint32
	method string
	tunnel bool // of a websocket: the request has no end of its own
	c      *h2conn

	news chan struct{} // closed, and replaced, when something has changed
	err  error         // why nothing more comes

	interim  []*Response
	head     *Response // the final one
	buf      []byte    // of the body, not read yet
	fields   []field   // the trailer
	length   int64     // bytes of the body that are still to come, -1 if nobody knows
	received int64     // bytes that the app may send
	owed     int       // bytes that it may send again, but does not know of yet
	ended    bool      // the response is complete

	unsent  []byte // of the request's body
	trailer []field
	window  int64 // bytes that the app takes
	sentEnd bool  // the request is complete
	left    bool  // nobody reads the rest of the response

	readBy, writeBy time.Time
}

// notify wakes those who wait. It is called with mu held, as all that follow up to await.
func (s *h2stream) notify() {
	close(s.news)
	s.news = make(chan struct{})
}

// fail ends the stream for the client.
func (s *h2stream) fail(err error) {
	if s.err == nil {
		s.err = err
	}
	s.unsent, s.trailer = nil, nil
	s.notify()
}

// abort resets the stream.
func (s *h2stream) abort(code errorCode, err error) {
	if s.c.streams[s.id] != s {
		return
	}
	s.c.out = appendNumber(s.c.out, frameReset, s.id, uint32(code))
	s.c.wakeWriter()
	s.c.reset[s.id] = struct{}{}
	s.sentEnd = true
	s.fail(err)
	s.c.forget(s)
}

// pump sends of the body what the app takes, and what comes behind it.
func (s *h2stream) pump() {
	c := s.c
	for len(s.unsent) > 0 {
		n := min(int64(len(s.unsent)), int64(c.peer.frameSize), s.window, c.window)
		if n <= 0 {
			return
		}
		piece := s.unsent[:n]
		s.unsent = s.unsent[n:]
		s.window -= n
		c.window -= n
		var flags byte
		if len(s.unsent) == 0 && len(s.trailer) == 0 && !s.tunnel {
			flags, s.sentEnd = flagEndStream, true
		}
		c.out = appendFrame(c.out, frameData, flags, s.id, piece)
		c.wakeWriter()
		s.notify()
	}
	if len(s.trailer) > 0 {
		c.sendBlock(s.id, s.trailer, true)
		s.trailer, s.sentEnd = nil, true
	}
	s.finish()
}

// finish takes the stream out when both sides are done.
func (s *h2stream) finish() {
	if s.sentEnd && s.ended && s.c.streams[s.id] == s {
		s.c.forget(s)
	}
}

func (s *h2stream) takeFields(fields []field, end bool) {
	if s.head != nil {
		s.takeTrailer(fields, end)
		return
	}
	resp, err := responseHead(fields)
	switch {
	case err != nil:
	case resp.Status < 200 && end:
		err = malformed("a stream that ends with %d", resp.Status)
	case resp.Status < 200:
		s.interim = append(s.interim, resp)
		return
	default:
		s.length, err = bodyLength(s, resp)
	}
	if err != nil {
		s.abort(codeProtocol, err)
		return
	}
	resp.Interim = s.interim
	s.head = resp
	s.notify()
	if end {
		s.end()
	}
}

func (s *h2stream) takeTrailer(fields []field, end bool) {
	err := checkFields(fields)
	if err == nil && !end {
		err = malformed("a trailer that does not end the stream")
	}
	if err != nil {
		s.abort(codeProtocol, err)
		return
	}
	s.fields = fields
	s.end()
}

func (s *h2stream) takeData(data []byte, padding int, end bool) {
	switch {
	case s.left && s.received < defaultWindow/2:
		s.abort(codeCancel, net.ErrClosed)
		return
	case s.left:
		data = nil
	case s.head == nil:
		s.abort(codeProtocol, malformed("a body without a head"))
		return
	case s.length >= 0 && int64(len(data)) > s.length:
		s.abort(codeProtocol, malformed("%d bytes of body too many", int64(len(data))-s.length))
		return
	case s.length >= 0:
		s.length -= int64(len(data))
	}
	s.buf = append(s.buf, data...)
	s.notify()
	if end {
		s.end()
		return
	}
	s.credit(padding)
}

// credit lets the app send n bytes more, as they were read: an app is held up by who does not read. It hears of it in large numbers.
func (s *h2stream) credit(n int) {
	if s.owed += n; s.owed < defaultWindow/2 || s.ended || s.err != nil {
		return
	}
	s.received += int64(s.owed)
	s.c.out = appendNumber(s.c.out, frameWindow, s.id, uint32(s.owed))
	s.c.wakeWriter()
	s.owed = 0
}

// end notes that the response is complete.
func (s *h2stream) end() {
	if s.length > 0 {
		s.abort(codeProtocol, malformed("%d bytes of body missing", s.length))
		return
	}
	s.ended = true
	s.notify()
	s.finish()
}

// await calls ready, with mu held, until it returns true or the time is over. The deadline may be moved meanwhile.
func (s *h2stream) await(deadline *time.Time, ready func() bool) error {
	for {
		s.c.mu.Lock()
		done, news, by := ready(), s.news, *deadline
		s.c.mu.Unlock()
		switch {
		case done:
			return nil
		case by.IsZero():
			<-news
			continue
		case !time.Now().Before(by):
			return os.ErrDeadlineExceeded
		}
		timer := time.NewTimer(time.Until(by))
		select {
		case <-news:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (s *h2stream) readFinal() (resp *Response, err error) {
	late := s.await(&s.readBy, func() bool {
		resp, err = s.head, s.err
		return resp != nil || err != nil
	})
	switch {
	case resp != nil:
		return resp, nil
	case late != nil:
		err = late
	}
	return nil, fmt.Errorf("no response: %w", err)
}

func (s *h2stream) body(_ string, resp *Response) (io.Reader, error) {
	return &h2body{s, resp}, nil
}

// h2body reads the body of resp.
type h2body struct {
	*h2stream
	resp *Response
}

func (b *h2body) Read(p []byte) (n int, err error) {
	n, err = b.read(p)
	if err == io.EOF {
		b.c.mu.Lock()
		b.resp.trailer = b.fields
		b.c.mu.Unlock()
	}
	return n, err
}

func (s *h2stream) read(p []byte) (n int, err error) {
	late := s.await(&s.readBy, func() bool {
		switch {
		case len(s.buf) > 0:
			n = copy(p, s.buf)
			s.buf = s.buf[n:]
			s.credit(n)
		case s.ended:
			err = io.EOF
		default:
			err = unexpected(s.err)
		}
		return n > 0 || err != nil
	})
	if late != nil {
		return 0, late
	}
	return n, err
}

// complete stops the request where the app has answered before it was through.
func (s *h2stream) complete(*Response) error {
	s.leave()
	return nil
}

func (s *h2stream) patient() {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.readBy = time.Time{}
	s.notify()
}

func (s *h2stream) leave() {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.abort(codeCancel, net.ErrClosed)
}

// bodyLength is what the head says of the body's length, -1 if nothing (RFC 9113, section 8.1.1).
func bodyLength(s *h2stream, resp *Response) (int64, error) {
	lengths := resp.HeaderAll("Content-Length")
	switch {
	case s.method == "HEAD", resp.Status == 204, resp.Status == 304:
		return 0, nil
	case len(lengths) == 0:
		return -1, nil
	case len(lengths) > 1:
		return 0, malformed("%d lines of Content-Length", len(lengths))
	}
	n, err := strconv.ParseUint(lengths[0], 10, 32)
	if err != nil || n > maxBody {
		return 0, malformed("Content-Length %q", lengths[0])
	}
	return int64(n), nil
}
