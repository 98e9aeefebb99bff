package quarttest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/http2/hpack"
)

// h2conn is the connection over which a client of HTTP/2 sends all its requests. One goroutine reads and one writes, so that
// neither a request nor the reader waits for an app that does not read.
type h2conn struct {
	cl      *Client
	nc      net.Conn
	r       *bufio.Reader
	decoder *hpack.Decoder // the reader's own
	settled chan struct{}  // closed when the app's settings are there
	wake    chan struct{}  // there is output, or the end

	mu       sync.Mutex
	out      []byte // what the writer has not taken yet; flow control bounds it
	closing  bool   // the writer closes when out is empty
	encoder  *hpack.Encoder
	block    bytes.Buffer // the encoder's output
	streams  map[uint32]*h2stream
	reset    map[uint32]struct{} // streams that the client has reset: what is under way for them is no mistake
	next     uint32              // id of the next stream
	window   int64               // bytes that the app takes, on all streams together
	received int64               // bytes that the app may send, on all streams together
	peer     peerSettings
	leaving  bool          // no new streams: GOAWAY, or retire
	changed  chan struct{} // closed, and replaced, when a stream has ended or no new one may begin
	err      error         // why nothing more comes
}

// peerSettings are those of the app that matter (RFC 9113, section 6.5.2).
type peerSettings struct {
	streams   uint32
	window    int64
	frameSize int
	connect   bool // extended CONNECT (RFC 8441, section 3)
}

// errLeaving is the failure of a request that the app has not looked at: another connection takes it.
var errLeaving = errors.New("the app takes no more requests on this connection")

// dialing is a connection that is being made, once for all who want it.
type dialing struct {
	done chan struct{}
	c    *h2conn
	err  error
}

// usable reports whether requests may go to it: also while it is being made.
func (d *dialing) usable() bool {
	select {
	case <-d.done:
	default:
		return true
	}
	if d.err != nil {
		return false
	}
	d.c.mu.Lock()
	defer d.c.mu.Unlock()
	return !d.c.leaving && d.c.err == nil
}

// retire closes the connection when its last stream has ended.
func (d *dialing) retire() {
	<-d.done
	if d.err != nil {
		return
	}
	d.c.mu.Lock()
	defer d.c.mu.Unlock()
	d.c.retire()
}

// sharedConn returns the connection for all requests. It is made by the first one, and again when it has ended.
func (cl *Client) sharedConn() (*h2conn, error) {
	cl.mu.Lock()
	d := cl.shared
	if d != nil && d.usable() {
		cl.mu.Unlock()
		<-d.done
		return d.c, d.err
	}
	d = &dialing{done: make(chan struct{})}
	cl.shared = d
	cl.mu.Unlock()
	d.c, d.err = cl.dialH2()
	close(d.done)
	return d.c, d.err
}

func (cl *Client) dialH2() (*h2conn, error) {
	nc, err := cl.connect()
	if err != nil {
		return nil, err
	}
	plain := nc
	if cl.protocol == HTTP2 {
		if nc, err = secure(plain, cl.Timeout, "h2"); err != nil {
			_ = plain.Close()
			return nil, fmt.Errorf("HTTP/2 over TLS: %w", err)
		}
	}
	c := newH2Conn(cl, nc)
	cl.note(c)
	cl.readers.Go(c.receive)
	cl.readers.Go(c.transmit)
	timer := time.NewTimer(cl.Timeout)
	defer timer.Stop()
	select {
	case <-c.settled:
	case <-timer.C:
		c.shut(fmt.Errorf("the app sends no SETTINGS: %w", os.ErrDeadlineExceeded))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c, c.err
}

// newH2Conn begins with the preface and the client's settings.
func newH2Conn(cl *Client, nc net.Conn) *h2conn {
	c := &h2conn{
		cl: cl, nc: nc, r: bufio.NewReaderSize(nc, 4096),
		decoder: hpack.NewDecoder(4096, nil),
		settled: make(chan struct{}), wake: make(chan struct{}, 1), changed: make(chan struct{}),
		streams: map[uint32]*h2stream{}, reset: map[uint32]struct{}{}, next: 1,
		window: defaultWindow, received: defaultWindow,
		peer: peerSettings{streams: maxWindow, window: defaultWindow, frameSize: maxFrame},
	}
	c.decoder.SetMaxStringLength(maxHead)
	c.encoder = hpack.NewEncoder(&c.block)
	c.out = appendSettings([]byte(preface), [2]uint32{settingPush, 0}, [2]uint32{settingHeaderList, maxHeaderListSetting})
	c.wakeWriter()
	return c
}

// wakeWriter is called with mu held, after something was added to out.
func (c *h2conn) wakeWriter() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// transmit writes until the end.
func (c *h2conn) transmit() {
	for range c.wake {
		c.mu.Lock()
		out, closing := c.out, c.closing
		c.out = nil
		c.mu.Unlock()
		if len(out) > 0 {
			if _, err := c.nc.Write(out); err != nil {
				c.shut(err)
				closing = true
			}
		}
		if closing {
			c.cl.drop(c)
			return
		}
	}
}

// shut ends the connection for a reason. An app that broke a rule is told.
func (c *h2conn) shut(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	if c.leaving && len(c.streams) == 0 {
		err = errLeaving // whoever closes first now
	}
	c.err, c.leaving = err, true
	if rule, ok := errors.AsType[*brokenRule](err); ok {
		payload := binary.BigEndian.AppendUint32(make([]byte, 4), uint32(rule.code))
		c.out = appendFrame(c.out, frameGoAway, 0, 0, payload)
		_ = c.nc.SetWriteDeadline(time.Now().Add(time.Second))
	}
	for _, id := range slices.Sorted(maps.Keys(c.streams)) {
		c.streams[id].fail(err)
	}
	c.closing = true
	c.wakeWriter()
	select {
	case <-c.settled:
	default:
		close(c.settled)
	}
	c.notify()
}

// Close leaves, without a word. It may be called more than once.
func (c *h2conn) Close() error {
	c.shut(net.ErrClosed)
	return c.nc.Close()
}

// retire is called with mu held.
func (c *h2conn) retire() {
	c.leaving = true
	c.notify()
	if len(c.streams) == 0 {
		c.closing = true
		c.wakeWriter()
	}
}

// notify tells those who wait for a free stream. It is called with mu held.
func (c *h2conn) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// open sends a request, as soon as the app takes one more stream.
func (c *h2conn) open(q *h2request, timeout time.Duration) (*h2stream, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		c.mu.Lock()
		free, changed := uint32(len(c.streams)) < c.peer.streams, c.changed
		var err error
		switch {
		case c.leaving:
			err = errLeaving
		case q.tunnel && !c.peer.connect:
			err = errors.New("the app takes no websockets over HTTP/2: its settings have no SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441, section 3)")
		case free:
			s := c.begin(q, time.Now().Add(timeout))
			c.mu.Unlock()
			return s, nil
		}
		c.mu.Unlock()
		if err != nil {
			return nil, err
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil, fmt.Errorf("no stream gets free: %w", os.ErrDeadlineExceeded)
		}
	}
}

// begin is called with mu held.
func (c *h2conn) begin(q *h2request, deadline time.Time) *h2stream {
	s := &h2stream{
		c: c, id: c.next, method: q.method, tunnel: q.tunnel, news: make(chan struct{}),
		window: c.peer.window, received: defaultWindow, readBy: deadline, unsent: q.body, trailer: q.trailer,
	}
	c.next += 2
	c.streams[s.id] = s
	s.sentEnd = !q.tunnel && len(q.body) == 0 && len(q.trailer) == 0
	c.sendBlock(s.id, q.head, s.sentEnd)
	s.pump()
	return s
}

// sendBlock is called with mu held.
func (c *h2conn) sendBlock(stream uint32, fields []field, end bool) {
	c.block.Reset()
	for _, f := range fields {
		sensitive := f.name == "authorization" || f.name == "cookie" // not to be indexed (RFC 7541, section 7.1.3)
		_ = c.encoder.WriteField(hpack.HeaderField{Name: f.name, Value: f.value, Sensitive: sensitive})
	}
	var flags byte
	if end {
		flags = flagEndStream
	}
	c.out = appendBlock(c.out, flags, stream, c.block.Bytes(), c.peer.frameSize)
	c.wakeWriter()
}

// forget takes a stream out. It is called with mu held.
func (c *h2conn) forget(s *h2stream) {
	delete(c.streams, s.id)
	c.notify()
	if c.leaving && len(c.streams) == 0 {
		c.closing = true
		c.wakeWriter()
	}
}
