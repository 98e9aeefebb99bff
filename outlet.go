package quart

import (
	"io"
	"syscall"
)

// outlet is where an event stream's bytes go: the one thing that differs between transports. One goroutine writes at a time.
type outlet interface {
	chunked() bool // events are wrapped in chunks
	// write returns when p was taken; it is bounded by Config.WriteTimeout.
	write(p []byte) error
	// writeTwo is write of head, a few bytes, and p behind it.
	writeTwo(head, p []byte) error
	// try is write that does not wait. It returns what was taken, and false where that cannot be done.
	try(p []byte) (n int, ok bool, err error)
	// close ends the stream, properly or so that the client can tell.
	close(clean bool)
}

// connOutlet is a parked HTTP/1 connection.
type connOutlet struct {
	conn   *connState
	chunks bool
	asked  bool            // for raw
	raw    syscall.RawConn // nil where nothing can be tried
}

func (o *connOutlet) chunked() bool { return o.chunks }

func (o *connOutlet) write(p []byte) error {
	_, err := o.conn.Write(p)
	return err
}

func (o *connOutlet) writeTwo(head, p []byte) error { return o.conn.writeTwo(head, p) }

func (o *connOutlet) try(p []byte) (n int, ok bool, err error) {
	raw := o.handle()
	if raw == nil {
		return 0, false, nil
	}
	return tryWrite(o.conn, raw, p)
}

// handle is that of the connection's descriptor.
func (o *connOutlet) handle() syscall.RawConn {
	if !o.asked {
		o.asked, o.raw = true, rawConnOf(o.conn)
	}
	return o.raw
}

func (o *connOutlet) close(clean bool) {
	switch {
	case clean && o.chunks:
		_, _ = o.conn.Write([]byte("0\r\n\r\n"))
	case !clean && !o.chunks:
		_ = o.conn.abort()
	}
	_ = o.conn.shut()
}

// bodyOutlet is the body of a response that another server than quart's writes.
type bodyOutlet struct{ w io.Writer }

func (o *bodyOutlet) chunked() bool { return false }

func (o *bodyOutlet) write(p []byte) error {
	_, err := o.w.Write(p)
	return err
}

func (o *bodyOutlet) writeTwo(head, p []byte) error {
	if err := o.write(head); err != nil {
		return err
	}
	return o.write(p)
}

func (o *bodyOutlet) try([]byte) (n int, ok bool, err error) { return 0, false, nil }

func (o *bodyOutlet) close(bool) {}

// eventBody is an event stream as fasthttp's body stream.
type eventBody struct{ s *EventStream }

func (b *eventBody) SupportsBodyWriteTo() bool { return true }

func (b *eventBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (b *eventBody) WriteTo(w io.Writer) (int64, error) {
	s := b.s
	s.out = &bodyOutlet{w}
	s.begin()
	err := s.call()
	if err == errParked {
		<-s.Context().Done()
		err = nil
	}
	s.over(err)
	if !s.clean {
		return 0, ErrClosed
	}
	return 0, nil
}

// Close is called by fasthttp when the response is over, also one that was never written.
func (b *eventBody) Close() error {
	b.s.freeContext()
	return nil
}
