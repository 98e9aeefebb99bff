package quarttest

import (
	"net"
	"sync"

	"github.com/valyala/fasthttp/fasthttputil"
)

// listener hands the app's end of each connection to Accept. accepting is closed when the app accepts for the first time.
type listener struct {
	conns     chan net.Conn
	done      chan struct{}
	closing   sync.Once
	accepting chan struct{}
	once      sync.Once
}

func newListener() *listener {
	return &listener{conns: make(chan net.Conn), done: make(chan struct{}), accepting: make(chan struct{})}
}

func (l *listener) Accept() (net.Conn, error) {
	l.once.Do(func() { close(l.accepting) })
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.closing.Do(func() { close(l.done) })
	return nil
}

func (l *listener) Addr() net.Addr { return memoryAddr{} }

// dial returns the client's end of a connection that the app has accepted.
func (l *listener) dial(from net.Addr) (net.Conn, error) {
	pipe := fasthttputil.NewPipeConns()
	pipe.SetAddresses(from, l.Addr(), l.Addr(), from)
	srv := &serverEnd{Conn: pipe.Conn2()}
	select {
	case l.conns <- srv:
		return &clientEnd{Conn: pipe.Conn1(), peer: srv}, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// clientEnd is a connection as a test holds it.
type clientEnd struct {
	net.Conn
	peer *serverEnd
}

func (c *clientEnd) Close() error {
	err := c.Conn.Close()
	c.peer.peerClosed()
	return err
}

// serverEnd is a connection as the app accepts it. It has no descriptor to be watched, so it tells of its peer's end itself.
type serverEnd struct {
	net.Conn

	mu    sync.Mutex
	state endState
	left  func()
}

type endState int

const (
	bothOpen endState = iota
	clientLeft
	appLeft
)

// OnPeerClose has f called once, in whatever goroutine, when the client has closed its end; at once if it has. What the client sent
// before may still be unread then. A later f takes the place of an earlier one, and nil removes it. Once this end is closed, f is dropped.
func (c *serverEnd) OnPeerClose(f func()) {
	c.mu.Lock()
	left := c.state == clientLeft
	if c.state == bothOpen {
		c.left = f
	}
	c.mu.Unlock()
	if left && f != nil {
		f()
	}
}

func (c *serverEnd) peerClosed() {
	if f := c.end(clientLeft); f != nil {
		f()
	}
}

func (c *serverEnd) Close() error {
	c.end(appLeft)
	return c.Conn.Close()
}

// end notes who closed first, and takes f out.
func (c *serverEnd) end(state endState) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.left
	c.left = nil
	if c.state == bothOpen {
		c.state = state
	}
	return f
}

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "quarttest" }
