package quarttest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"
)

// shakeHandsByStream opens a websocket by extended CONNECT (RFC 8441, section 5).
func (r *Request) shakeHandsByStream() (net.Conn, *Response, error) {
	q, err := r.encodeH2()
	if err != nil {
		return nil, nil, err
	}
	q.method, q.tunnel = "CONNECT", true
	q.head[0].value = q.method
	q.head = slices.Insert(q.head, 1, field{":protocol", "websocket"})
	q.body, q.trailer = nil, nil
	x, err := r.cl.sendH2(q)
	if err != nil {
		return nil, nil, err
	}
	resp, err := x.readFinal()
	if err != nil {
		x.leave()
		return nil, nil, err
	}
	r.took(resp)
	if resp.Status < 200 || resp.Status > 299 {
		err = readBody(x, r.method, resp)
		x.leave()
		return nil, resp, err
	}
	resp.switched = true
	if why := r.misaccepted(resp); why != "" {
		err = fmt.Errorf("the %d is no answer to the handshake: %s", resp.Status, why)
	}
	return &h2tunnel{x.h2stream}, resp, err
}

// h2tunnel is a stream as the connection that it stands for.
type h2tunnel struct{ s *h2stream }

// Read returns io.EOF also after a reset, which is how a connection that was cut looks to a test over HTTP/1.1.
func (t *h2tunnel) Read(p []byte) (int, error) {
	n, err := t.s.read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// Write returns when flow control has let all of p through.
func (t *h2tunnel) Write(p []byte) (int, error) {
	s := t.s
	var err error
	s.c.mu.Lock()
	if s.err == nil && !s.sentEnd {
		s.unsent = append(s.unsent, p...)
		s.pump()
	}
	s.c.mu.Unlock()
	late := s.await(&s.writeBy, func() bool {
		switch {
		case s.err != nil:
			err = s.err
		case s.sentEnd || s.c.streams[s.id] != s:
			err = net.ErrClosed
		}
		return err != nil || len(s.unsent) == 0
	})
	if late != nil {
		err = late
	}
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close ends the stream, which is what the end of a TCP connection becomes (RFC 8441, section 5): what was sent before still arrives. Behind
// it the stream is reset if the app sends a lot, or has not let all through.
func (t *h2tunnel) Close() error {
	s := t.s
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if len(s.unsent) > 0 {
		s.abort(codeCancel, net.ErrClosed)
	}
	s.left = true
	if !s.sentEnd && s.c.streams[s.id] == s {
		s.c.out = appendFrame(s.c.out, frameData, flagEndStream, s.id, nil)
		s.c.wakeWriter()
		s.sentEnd = true
		s.finish()
	}
	s.fail(net.ErrClosed)
	return nil
}

func (t *h2tunnel) LocalAddr() net.Addr  { return t.s.c.nc.LocalAddr() }
func (t *h2tunnel) RemoteAddr() net.Addr { return t.s.c.nc.RemoteAddr() }

func (t *h2tunnel) SetReadDeadline(by time.Time) error  { return t.set(&t.s.readBy, by) }
func (t *h2tunnel) SetWriteDeadline(by time.Time) error { return t.set(&t.s.writeBy, by) }

func (t *h2tunnel) SetDeadline(by time.Time) error {
	return errors.Join(t.SetReadDeadline(by), t.SetWriteDeadline(by))
}

func (t *h2tunnel) set(deadline *time.Time, by time.Time) error {
	t.s.c.mu.Lock()
	defer t.s.c.mu.Unlock()
	*deadline = by
	t.s.notify()
	return nil
}
