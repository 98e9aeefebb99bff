package quart

import (
	"net"
	"time"

	"github.com/goquart/quart/internal/wsproto"
)

// inlet is where a socket's bytes come from: the one thing besides outlet that differs between transports.
type inlet interface {
	// fill waits for input and puts it into dec. Meanwhile it holds no buffer, unless dec does.
	fill(dec *wsproto.Decoder) error
	// interrupt makes a fill that waits, and those to come, fail.
	interrupt()
}

// connInlet reads from what cannot be asked whether it has bytes: TLS, pipes in memory. The first ones come into a small array.
type connInlet struct {
	conn interface {
		Read(p []byte) (int, error)
		SetReadDeadline(t time.Time) error
	}
	first [64]byte
}

func (in *connInlet) fill(dec *wsproto.Decoder) error {
	dec.Shrink()
	if !dec.Idle() {
		n, err := in.conn.Read(dec.Space())
		dec.Added(n)
		return onlyEmpty(n, err)
	}
	n, err := in.conn.Read(in.first[:])
	if n > 0 {
		dec.Added(copy(dec.Space(), in.first[:n]))
	}
	return onlyEmpty(n, err)
}

// onlyEmpty is the error of a read that brought nothing. Others come again.
func onlyEmpty(n int, err error) error {
	if n > 0 {
		return nil
	}
	return err
}

func (in *connInlet) interrupt() { _ = in.conn.SetReadDeadline(past) }

// netOutlet is a connection of another server than quart's.
type netOutlet struct {
	conn    net.Conn
	timeout time.Duration
}

func (o *netOutlet) chunked() bool { return false }

func (o *netOutlet) write(p []byte) error {
	if o.timeout > 0 {
		_ = o.conn.SetWriteDeadline(time.Now().Add(o.timeout))
	}
	_, err := o.conn.Write(p)
	return err
}

func (o *netOutlet) writeTwo(head, p []byte) error {
	if err := o.write(head); err != nil {
		return err
	}
	return o.write(p)
}

func (o *netOutlet) try([]byte) (n int, ok bool, err error) { return 0, false, nil }

// close closes the connection, also where the server would keep it.
func (o *netOutlet) close(bool) {
	if u, ok := o.conn.(interface{ UnsafeConn() net.Conn }); ok {
		_ = u.UnsafeConn().Close()
	}
	_ = o.conn.Close()
}
