package quart

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/goquart/quart/internal/netwatch"
	"github.com/valyala/fasthttp"
)

// connState is what quart knows of one connection. fasthttp sees one of the three wrappers below; its own timeouts stay
// 0, because exact deadlines cost up to three timer updates per request. The worker stamps phases here instead and the
// sweeper expires them.
//
// Its methods Read, Write, Close and Set*Deadline stand for those of the wrapped connection. All methods of the request
// path accept a nil receiver: a handler may run in an fasthttp server with listeners of its own.
type connState struct {
	table *connTable
	inner net.Conn // what HTTP is spoken on: *tls.Conn, *net.TCPConn or another
	raw   net.Conn // what carries it; equal to inner without TLS

	phase   atomic.Uint64        // a stamp
	served  atomic.Uint64        // requests, as of the last write
	next    phase                // the worker's own: what its next Read waits for; phaseHandler: a body
	begun   uint64               // the worker's own: requests
	behind  bool                 // the worker's own: nothing was read since the last answer, a part of which fasthttp may still hold
	outAt   uint64               // out when the current handler began
	large   *fasthttp.RequestCtx // the worker's own: a response whose buffer must not stay with the connection
	writing atomic.Uint64        // a stamp of a write under way, 0 between writes
	flags   atomic.Uint32
	in, out atomic.Uint64 // bytes; of the plaintext under TLS
	done    atomic.Pointer[completion]

	mu sync.Mutex // orders the sweeper's deadlines with their removal

	// The worker's own, for the body of the current request.
	bodyLimit time.Duration // for all waits together
	bodyUsed  uint64        // coarse ms spent in earlier waits
	bodySince uint64        // when the wait under way began
	bodyErr   error         // what Read failed with: fasthttp's chunk parser loses it, and takes some ends for the end of the body
	wireFrom  uint64        // in when a chunked body began
	wireLimit uint64        // in from which on it has too much overhead; 0 is none
	expect    *expectation  // a handler that waits for the client to be told to send the body
	interim   atomic.Uint64 // of out: bytes since outAt that are no part of the current answer

	early []byte // see Unread
	born  uint64 // coarse ms
	ip    ipKey
	shard *connShard
	index int // in shard.conns

	watched  bool            // the worker's own: watch was called
	watching netwatch.Handle // guarded by mu
	owner    owner           // set before phaseParked is
}

const (
	flagLinger      uint32 = 1 << iota // input may be pending: drain before the close
	flagBody                           // this request declared a body: body* are in use
	flagSilent                         // drop without an answer when the read deadline ends
	flagWriteFailed                    // a write was cut: what follows it would be garbage
	flagUnsent                         // an answer of a pipeline is still in fasthttp's buffer
	flagFinite                         // a hijacked connection holds a response that ends: it is a request under way
	flagGone                           // the client has closed its side
	flagTaken                          // takeOver answered: what the handler writes goes nowhere
	flagClosed
	flagStream // it is a stream of HTTP/2, whose bytes its connection counts
)

// bare hides one level of methods: connState's are promoted from depth 1 and win over the embedded connection's.
type (
	bareTCP struct{ *net.TCPConn }
	bareTLS struct{ *tls.Conn }
	bareAny struct{ net.Conn }
)

// tcpConn keeps TCPConn's other methods: ReadFrom (sendfile), SyscallConn, CloseWrite, SetKeepAlive.
type tcpConn struct {
	connState
	bareTCP
}

// tlsConn has Handshake and ConnectionState, by which fasthttp recognizes TLS; the others must not.
type tlsConn struct {
	connState
	bareTLS
}

// plainConn is any other transport: unix sockets, in-memory pipes.
type plainConn struct {
	connState
	bareAny
}

// connOf returns the state of a connection that one of our listeners accepted, also through fasthttp's hijack wrapper,
// and nil for any other.
func connOf(nc net.Conn) *connState {
	switch c := nc.(type) {
	case *tcpConn:
		return &c.connState
	case *tlsConn:
		return &c.connState
	case *plainConn:
		return &c.connState
	case interface{ UnsafeConn() net.Conn }:
		return connOf(c.UnsafeConn())
	}
	return nil
}

// ---- phases, stamped by the worker ----

func (cs *connState) stamp() stamp { return stamp(cs.phase.Load()) }

// move changes the phase unconditionally: for the goroutine that owns the connection.
func (cs *connState) move(p phase, deadline uint64) stamp {
	old := stamp(cs.phase.Swap(uint64(newStamp(p, deadline))))
	if old.expired() {
		cs.revive()
	}
	return old
}

// revive takes back the sweeper's read deadline after the client made it in the last moment.
func (cs *connState) revive() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.flags.And(^flagSilent)
	_ = cs.raw.SetReadDeadline(time.Time{})
}

// active is called at the first byte of a request.
//
// perf: active, idle and enterHandler only note what the next Read is for, and Read stamps it: a pipelined request that
// was read together with others costs no atomic write (BenchmarkConnPhasesPipelined).
func (cs *connState) active() {
	switch old := cs.stamp(); old.phase() {
	case phaseHandler:
		cs.next = phaseHeader
	case phaseHeader:
	case phaseNew:
		// The first request's head has what is left since the accept: a byte a second buys no new limit.
		cs.move(phaseHeader, old.deadline())
	default:
		cs.move(phaseHeader, cs.table.deadline(cs.table.header))
	}
}

// idle is called when a response is complete and the connection stays open.
func (cs *connState) idle() {
	cs.next = phaseIdle
	if cs.large != nil {
		cs.large.Response.SwapBody(nil)
		cs.large = nil
	}
	cs.behind = true
	flags := cs.flags.Load()
	if flags&(flagLinger|flagBody) != 0 {
		cs.resetBody()
	}
	if cs.interim.Load() != 0 {
		cs.interim.Store(0)
	}
	cs.complete()
}

// keepBody is the largest response buffer that stays with an idle connection.
const keepBody = 64 << 10

// noteBody marks a response whose buffer is dropped once it is written: fasthttp keeps one for each connection, and 1 MiB times
// 20,000 of them is the memory of the machine. It also bounds what fasthttp drains of a chunked body that nobody read.
func (cs *connState) noteBody(fc *fasthttp.RequestCtx) {
	if cs == nil {
		return
	}
	streamed := fc.Response.IsBodyStream()
	if !streamed && cap(fc.Response.Body()) > keepBody {
		cs.large = fc
	}
	// A streamed response may be a foreign one that is made of the request's body.
	if cs.flags.Load()&flagBody != 0 && fc.Request.Header.ContentLength() == -1 && (!streamed || cs.wireLimit != 0) {
		cs.wireLimit = cs.in.Load() + drainWire
	}
}

// unanswered reports whether nothing of the current answer has been written.
func (cs *connState) unanswered() bool { return cs.out.Load() == cs.outAt+cs.interim.Load() }

// noteInterim says that all that was written since the handler began is no part of its answer: an interim response (RFC 9110,
// section 15.2), and what waited in fasthttp's buffer before it.
func (cs *connState) noteInterim() { cs.interim.Store(cs.out.Load() - cs.outAt) }

const (
	// wireSlack and wirePerByte are the overhead that a chunked body may have: chunk extensions, tiny chunks, trailers. The slack
	// leaves room for what fasthttp reads ahead.
	wireSlack   = headerBlock + 32<<10
	wirePerByte = 18
	// wirePiece is the most that one read asks of a chunked body, so that wireSlack stays what decides.
	wirePiece = 32 << 10
	// drainWire is for the 256 KiB that fasthttp drains of an unread body.
	drainWire = 256<<10 + wireSlack
)

var errBodyWire error = &HTTPError{Status: 400, Detail: "the request body has too much overhead in its chunks"}

// boundWire lets a chunked body have its share of overhead: n bytes of it were read, size more are asked for.
func (cs *connState) boundWire(n int64, size int) {
	if cs == nil {
		return
	}
	if cs.wireLimit == 0 {
		cs.wireFrom = cs.in.Load()
	}
	cs.wireLimit = cs.wireFrom + wireSlack + uint64(n)*(1+wirePerByte) + uint64(size)
}

// headReceived is called when a head that declares a body was read: its first byte is awaited.
func (cs *connState) headReceived(limit time.Duration) {
	cs.bodyLimit, cs.bodyUsed, cs.bodySince = limit, 0, cs.table.now.Load()
	cs.flags.Or(flagLinger | flagBody)
	cs.move(phaseBody, cs.bodyDeadline())
}

func (cs *connState) resetBody() {
	cs.flags.And(^(flagLinger | flagBody))
	cs.bodyLimit, cs.bodyUsed, cs.bodyErr, cs.wireLimit = 0, 0, nil, 0
}

// enterHandler is called first thing in the request path: from here the client is not to blame for time that passes.
func (cs *connState) enterHandler() {
	if cs == nil {
		return
	}
	cs.next = phaseHandler
	cs.begun++
	cs.outAt = cs.out.Load()
	if cs.behind && cs.flags.Load()&flagUnsent == 0 {
		cs.flags.Or(flagUnsent)
	}
	if cs.stamp().phase() == phaseHandler {
		return
	}
	if cs.move(phaseHandler, 0).phase() == phaseBody {
		cs.bodyUsed += cs.table.now.Load() - cs.bodySince
	}
}

// setBodyTime sets the time for all waits for this request's body together. It must be positive.
func (cs *connState) setBodyTime(limit time.Duration) {
	if cs != nil {
		cs.bodyLimit = limit
	}
}

// bodyDeadline is when a wait that begins now is over: after what is left for the whole body, or the time for one read.
func (cs *connState) bodyDeadline() uint64 {
	limit := cs.table.bodyRead
	if total := milliseconds(cs.bodyLimit); total > 0 {
		rest := total - min(cs.bodyUsed, total)
		if limit == 0 || rest < limit {
			return cs.table.now.Load() + rest + milliseconds(sweepEvery)
		}
	}
	return cs.table.deadline(limit)
}

// enterBody starts a wait for the request's body, while a handler runs or fasthttp drains what the handler left. It reports
// false when earlier waits have used up the time: a byte now and then must not buy more of it.
func (cs *connState) enterBody() bool {
	if cs.bodyLimit == 0 {
		cs.bodyLimit = cs.table.limits.Body
	}
	if total := milliseconds(cs.bodyLimit); total > 0 && cs.bodyUsed > total+milliseconds(sweepEvery) {
		return false
	}
	if cs.flags.Load()&flagBody == 0 {
		cs.flags.Or(flagBody)
	}
	cs.bodySince = cs.table.now.Load()
	cs.swapFrom(phaseHandler, newStamp(phaseBody, cs.bodyDeadline()))
	return true
}

// leaveBody ends what enterBody started.
func (cs *connState) leaveBody() {
	old, ok := cs.swapFrom(phaseBody, newStamp(phaseHandler, 0))
	if !ok {
		return
	}
	cs.bodyUsed += cs.table.now.Load() - cs.bodySince
	if old.expired() {
		cs.mu.Lock() // the sweeper has set the deadline when it lets go
		_ = cs.raw.SetReadDeadline(time.Time{})
		cs.mu.Unlock()
	}
}

// bodyFailure is what reading the body failed with, nil if it did not.
func (cs *connState) bodyFailure() error {
	if cs == nil {
		return nil
	}
	return cs.bodyErr
}

// swapFrom changes the phase if it still is from: the connection may have been closed by another goroutine meanwhile.
func (cs *connState) swapFrom(from phase, to stamp) (old stamp, ok bool) {
	for !ok {
		if old = cs.stamp(); old.phase() != from {
			return old, false
		}
		ok = cs.phase.CompareAndSwap(uint64(old), uint64(to)) // it fails when the sweeper expires it
	}
	return old, true
}

// handOver gives the connection to another protocol (HTTP/2): from now on only writes are limited.
func (cs *connState) handOver() {
	if cs != nil {
		cs.move(phaseHijacked, 0)
	}
}

// linger says that the client may still be sending when the connection is closed after this response: Close then drains,
// because input that nobody read makes the kernel answer with a reset, which takes the response with it. A request with
// a declared body lingers by itself.
func (cs *connState) linger() {
	if cs != nil {
		cs.flags.Or(flagLinger)
	}
}

// ---- completion and departure ----

type completion struct {
	cancel context.CancelCauseFunc
	next   *completion
}

// onComplete calls cancel once: with nil when the current response is complete, that is written, failed, or its hijacked connection
// closed; with ErrClosed when the client leaves before. It allocates; a connection that never asks pays one load per request.
func (cs *connState) onComplete(cancel context.CancelCauseFunc) {
	if cs == nil {
		return
	}
	d := &completion{cancel: cancel}
	for {
		d.next = cs.done.Load()
		if cs.done.CompareAndSwap(d.next, d) {
			return
		}
	}
}

func (cs *connState) complete() { cs.finish(nil) }

func (cs *connState) finish(cause error) {
	if cs.done.Load() == nil {
		return
	}
	for d := cs.done.Swap(nil); d != nil; d = d.next {
		d.cancel(cause)
	}
}

// peerCloser is a transport without a descriptor that tells of its peer's close: in-memory connections.
type peerCloser interface{ OnPeerClose(f func()) }

// watch notices from now on when the client leaves. It joins the watcher once in the life of a connection; where a connection
// cannot be watched, its failed writes tell.
func (cs *connState) watch() {
	if cs == nil || cs.watched {
		return
	}
	cs.watched = true
	switch raw := cs.raw.(type) {
	case peerCloser:
		raw.OnPeerClose(cs.PeerGone)
	case syscall.Conn:
		rc, err := raw.SyscallConn()
		if err != nil {
			return
		}
		cs.mu.Lock()
		defer cs.mu.Unlock()
		if cs.flags.Load()&flagClosed == 0 {
			cs.watching, _ = cs.table.watcher.Watch(rc, cs)
		}
	}
}

func (cs *connState) unwatch() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.watching != 0 {
		cs.table.watcher.Forget(cs.watching)
		cs.watching = 0
	}
}

// PeerGone is called by the watcher: the client has closed its side, or the connection was reset.
func (cs *connState) PeerGone() {
	cs.flags.Or(flagGone)
	if cs.stamp().phase() == phaseParked && cs.owner != nil {
		cs.owner.gone() // takes nothing more before the context ends
	}
	cs.finish(ErrClosed)
}

// gone reports whether the client is known to have left.
func (cs *connState) gone() bool { return cs != nil && cs.flags.Load()&flagGone != 0 }

// lost reports whether the connection was closed, or answered on, by another goroutine than the worker.
func (cs *connState) lost() bool { return cs != nil && cs.flags.Load()&(flagTaken|flagClosed) != 0 }

// owner holds a parked connection: an event stream, a socket. Its methods are called by other goroutines and must not block.
type owner interface {
	gone()  // the client left
	leave() // the app stops: end properly
	idle()  // the connection's deadline, which the owner set when it parked, is over
}

// own makes o the owner of the connection, which is about to be parked, until shut.
func (cs *connState) own(o owner) {
	cs.owner = o
	cs.countOwner(1)
}

func (cs *connState) countOwner(n int64) {
	cs.table.owned.Add(n)
	if _, ok := cs.owner.(*EventStream); ok {
		cs.table.streams.Add(n)
	}
}

// park keeps the connection open for its owner: fasthttp's Close is ignored from now on.
func (cs *connState) park(deadline uint64) {
	cs.served.Store(cs.begun)
	cs.move(phaseParked, deadline)
}

// parkUntil sets the deadline of a parked connection: its owner's idle is called then.
func (cs *connState) parkUntil(deadline uint64) {
	for {
		old := cs.stamp()
		if old.phase() != phaseParked || cs.phase.CompareAndSwap(uint64(old), uint64(newStamp(phaseParked, deadline))) {
			return
		}
	}
}
