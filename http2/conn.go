package http2

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goquart/quart/http2/internal/hpack"
	"github.com/valyala/fasthttp"
)

// conn is one connection. Its reader, the goroutine of ServeConn, takes frames in and never waits for a write. Handlers run in goroutines of the server's pool and add what they
// answer to out. Whoever adds to it while nobody writes becomes the flusher, and writes until nothing is left.
type conn struct {
	srv *Server
	nc  net.Conn
	tls interface{ ConnectionState() tls.ConnectionState } // nil on cleartext

	// For the sweeper. Times are in coarse ms, 0 is none.
	due     atomic.Int64 // when what the reader waits for must be there
	readAt  atomic.Int64 // when the last frame came, or the last stream ended
	writeAt atomic.Int64 // since when a write is under way
	busy    atomic.Int32 // streams
	mayPush atomic.Bool  // the client takes pushes, perhaps

	handlers atomic.Int32
	bodies   atomic.Int32  // of streamed responses
	requests atomic.Uint64 // that reached the handler

	// The reader's own.
	input     input
	dec       hpack.Decoder
	head      headReader
	block     headerBlock
	batch     []*Stream // whose handlers are to run
	early     [16]earlyPriority
	control   meter
	empty     meter
	refused   meter
	handFlush bool // the reader is about to let a worker flush

	mu      sync.Mutex
	streams map[uint32]*Stream
	active  int    // streams that count: open, or with a handler that runs
	lastID  uint32 // the highest that the client opened
	pushID  uint32 // the last that we opened
	pushing int    // pushed streams that are open
	pushed  int    // of active
	tombs   [maxTombstones]uint32
	tombAt  int
	resets  meter

	enc          hpack.Encoder
	out          []byte // frames to be written
	outBox       *buffer
	controlBytes int // in out, of frames that the client can make us send
	flushing     bool
	broken       bool      // nothing can be written any more
	doomed       bool      // unlock kills it
	quiet        sync.Cond // flushing has ended
	ready        schedule
	sendWindow   int64
	pinned       int64
	typical      int64 // bytes of a response that was pinned lately
	pins         int   // responses pinned since the last sweep
	sent         meter // bytes of DATA
	sentAt       int64 // the last of it, in coarse ms
	updates      int   // WINDOW_UPDATE frames that the DATA sent so far explains
	lastOut      int   // bytes of the last write
	waiting      []*Stream
	spent        *fasthttp.RequestCtx   // to be released
	spentMore    []*fasthttp.RequestCtx // behind it
	calls        []endCall

	recvWindow int64
	unacked    int64
	buffered   int64 // bytes of bodies that are gathered

	peerWindow  int64 // SETTINGS_INITIAL_WINDOW_SIZE of the client
	peerPush    bool
	peerStreams uint32 // SETTINGS_MAX_CONCURRENT_STREAMS of the client

	leaving leaveState
	finalID uint32 // of the final GOAWAY
	leftAt  int64
	pingAt  int64 // a keep-alive PING is unanswered since then
}

// leaveState is how far the end in order has come.
type leaveState uint8

const (
	staying leaveState = iota
	warned             // GOAWAY with the highest number: no more streams, please
	asked              // and a PING behind it
	left               // the final GOAWAY: streams above finalID are not served
	ending             // no stream is open: the reader is to close the connection
)

type endCall struct {
	f   func(error)
	err error
}

func newConn(srv *Server, nc net.Conn) *conn {
	c := &conn{srv: srv, nc: nc, streams: make(map[uint32]*Stream)}
	if t, ok := nc.(interface {
		Handshake() error
		ConnectionState() tls.ConnectionState
	}); ok {
		c.tls = t
	}
	c.quiet.L = &c.mu
	c.head.c = c
	c.head.emit = c.head.field
	c.dec.Init(4096)
	c.enc.Init(4096)
	c.sendWindow, c.peerWindow = initialWindow, initialWindow
	if srv.cfg.MaxPinned < maxWindow {
		c.typical = int64(srv.cfg.MaxPinned / firstHandlers)
	}
	c.recvWindow = int64(srv.cfg.ConnWindow)
	c.peerPush, c.peerStreams = true, maxStreamID
	c.mayPush.Store(true)
	c.input.init(nc)
	return c
}

// upgraded is what an HTTP/1.1 request that asked for h2c brings along.
type upgraded struct {
	settings []byte
	ctx      *fasthttp.RequestCtx
}

func (srv *Server) serveConn(nc net.Conn, up *upgraded) error {
	srv.init()
	c := newConn(srv, nc)
	if !srv.join(c) {
		_ = nc.Close()
		return ErrServerClosed
	}
	defer srv.part(c)
	err := c.begin(up)
	for err == nil {
		err = c.step()
	}
	return c.end(err)
}

// begin sends our settings and reads the client's preface.
func (c *conn) begin(up *upgraded) error {
	c.due.Store(c.srv.after(c.srv.cfg.PrefaceTimeout))
	c.lock()
	c.appendSettings()
	if up != nil {
		if err := c.startUpgraded(up); err != nil {
			c.unlockHand()
			return err
		}
	}
	c.unlockHand()
	c.srv.greet(c)
	for n := range len(preface) {
		if err := c.need(n + 1); err != nil {
			return err
		}
		if c.input.buf[c.input.r+n] != preface[n] {
			return connError(ProtocolError, "bad connection preface")
		}
	}
	c.input.r += len(preface)
	f, err := c.next()
	if err != nil {
		return err
	}
	if f.typ != frameSettings || f.has(flagAck) {
		return connError(ProtocolError, "the preface must end with SETTINGS")
	}
	if err := c.frame(&f); err != nil || up == nil {
		return err
	}
	// Some clients cannot take the answer of an upgraded request together with the 101.
	c.lock()
	c.start(c.streams[1])
	c.unlockHand()
	return nil
}

func (c *conn) step() error {
	f, err := c.next()
	if err != nil {
		return err
	}
	return c.frame(&f)
}

// end is the reader's last act: it tells the client why, fails all streams, and closes.
func (c *conn) end(err error) error {
	c.due.Store(0)
	var broke *ConnError
	tell := errors.As(err, &broke)
	c.lock()
	c.dispatchBatch()
	own := c.leaving == ending // we woke the reader up
	if tell && !broke.Remote {
		c.out = appendGoAway(c.out, c.lastID, broke.Code, broke.Reason)
	}
	cause := err
	if !tell {
		cause = ErrClosed
	}
	for _, s := range c.streams {
		c.cut(s, cause)
	}
	c.abandonWaiting()
	if !tell && !own {
		c.broken = true
	}
	c.unlockHand()
	c.lock()
	for c.flushing {
		c.quiet.Wait()
	}
	c.broken = true
	c.freeOut()
	c.unlock()
	if tell || own {
		c.linger()
	}
	c.input.free()
	closed := c.nc.Close()
	switch {
	case tell:
		return err
	case own || err == io.EOF || errors.Is(err, net.ErrClosed):
		return nil
	}
	return errors.Join(err, closed)
}

// linger reads on for a moment after our side was closed: input that nobody read would make the kernel answer with a reset, which takes what was sent last with it.
func (c *conn) linger() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.Copy(io.Discard, io.LimitReader(c.nc, 1<<20))
}

// kill ends the connection at once, from any goroutine, but not with mu held: the close may take a while, and others' locks.
func (c *conn) kill() { _ = c.nc.Close() }

// interrupt makes the reader stop waiting.
func (c *conn) interrupt() { _ = c.nc.SetReadDeadline(time.Unix(1, 0)) }

// ---- the end in order ----

// warn asks the client to open no more streams.
func (c *conn) warn() {
	c.lock()
	if c.leaving == staying {
		c.leaving = warned
		c.out = appendGoAway(c.out, maxStreamID, NoError, "")
	}
	c.unlockHand()
}

// leave begins the end in order: the final GOAWAY follows when the client has answered a PING, and so has seen the first one.
func (c *conn) leave() {
	c.lock()
	c.askToLeave()
	c.unlockHand()
}

// askToLeave is leave with mu held.
func (c *conn) askToLeave() {
	if c.leaving == staying {
		c.out = appendGoAway(c.out, maxStreamID, NoError, "")
	}
	if c.leaving < asked {
		c.leaving = asked
		c.leftAt = c.srv.now()
		c.out = appendPing(c.out, 0, leavePing[:])
	}
}

var leavePing, alivePing = [8]byte{'q', 'l', 'e', 'a', 'v', 'e'}, [8]byte{'q', 'a', 'l', 'i', 'v', 'e'}

// goAway sends the final GOAWAY. mu is held.
func (c *conn) goAway() {
	if c.leaving >= left {
		return
	}
	c.leaving = left
	c.finalID = c.lastID
	c.out = appendGoAway(c.out, c.lastID, NoError, "")
	c.endIfDone()
}

// endIfDone lets the reader close a connection that was left and has no stream any more. mu is held.
func (c *conn) endIfDone() {
	if c.leaving == left && c.active == 0 {
		c.leaving = ending
		c.interrupt()
	}
}

// ---- input ----

// input is the read buffer: small while the connection is idle, so that thousands of them cost little.
type input struct {
	nc    net.Conn
	buf   []byte
	r, w  int
	large *[]byte
	small [512]byte
}

var largeInputs = sync.Pool{New: func() any {
	b := make([]byte, 32<<10)
	return &b
}}

func (in *input) init(nc net.Conn) {
	in.nc = nc
	in.buf = in.small[:]
}

func (in *input) free() {
	if in.large != nil {
		largeInputs.Put(in.large)
		in.large = nil
	}
	in.buf, in.r, in.w = in.small[:], 0, 0
}

// fill reads more, so that n bytes from r on fit. It may wait.
func (in *input) fill(n int) error {
	if in.large == nil && (n > len(in.buf) || in.w == len(in.buf)) {
		in.large = largeInputs.Get().(*[]byte)
		in.w = copy(*in.large, in.buf[in.r:in.w])
		in.buf, in.r = *in.large, 0
	}
	if in.r > 0 && (in.r == in.w || in.r+n > len(in.buf)) {
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
	}
	m, err := in.nc.Read(in.buf[in.w:])
	in.w += m
	if m > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// need waits until n unread bytes are there.
func (c *conn) need(n int) error {
	in := &c.input
	for in.w-in.r < n {
		c.beforeRead()
		if err := in.fill(n); err != nil {
			return err
		}
	}
	return nil
}

// beforeRead lets others work on what was read so far, since the reader is about to wait.
func (c *conn) beforeRead() {
	c.lock()
	c.dispatchBatch()
	idle := c.active == 0
	c.unlockHand()
	in := &c.input
	if in.r < in.w {
		if c.due.Load() == 0 {
			c.due.Store(c.srv.after(frameTimeout))
		}
		return
	}
	if idle && in.large != nil {
		in.free()
	}
}

// next reads a frame. Its payload is valid until the next call.
func (c *conn) next() (frame, error) {
	if err := c.need(frameHeaderLen); err != nil {
		return frame{}, err
	}
	in := &c.input
	f, n := parseFrameHeader(in.buf[in.r:])
	if n > maxFrame {
		return frame{}, connError(FrameSizeError, "a frame of %d bytes", n)
	}
	if err := c.need(frameHeaderLen + n); err != nil {
		return frame{}, err
	}
	f.payload = in.buf[in.r+frameHeaderLen : in.r+frameHeaderLen+n]
	in.r += frameHeaderLen + n
	if c.block.stream == 0 && c.due.Load() != 0 {
		c.due.Store(0)
	}
	c.readAt.Store(c.srv.now())
	return f, nil
}
