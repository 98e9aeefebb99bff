package quart

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

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
	outAt   uint64               // out when the current handler began
	large   *fasthttp.RequestCtx // the worker's own: a response whose buffer must not stay with the connection
	writing atomic.Uint64        // a stamp of a write under way, 0 between writes
	flags   atomic.Uint32
	in, out atomic.Uint64 // bytes; of the plaintext under TLS
	done    atomic.Pointer[completion]

	mu        sync.Mutex // orders the sweeper's deadlines with their removal, and guards body*
	bodyLimit time.Duration
	bodyUsed  uint64 // coarse ms spent in earlier waits for this request's body
	bodySince uint64

	born  uint64 // coarse ms
	ip    ipKey
	shard *connShard
	index int // in shard.conns
}

const (
	flagLinger      uint32 = 1 << iota // input may be pending: drain before the close
	flagBody                           // this request declared a body: body* are in use
	flagSilent                         // drop without an answer when the read deadline ends
	flagWriteFailed                    // a write was cut: what follows it would be garbage
	flagUnsent                         // an answer of a pipeline is still in fasthttp's buffer
	flagTaken                          // takeOver answered: what the handler writes goes nowhere
	flagClosed
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
	flags := cs.flags.Load()
	if flags&flagUnsent == 0 && cs.out.Load() == cs.outAt {
		cs.flags.Or(flagUnsent)
	}
	if flags&(flagLinger|flagBody) != 0 {
		cs.leaveBody() // what a handler did not read to its end
		cs.resetBody()
	}
	cs.complete()
}

// keepBody is the largest response buffer that stays with an idle connection.
const keepBody = 64 << 10

// noteBody marks a response whose buffer is dropped once it is written: fasthttp keeps one for each connection, and 1 MiB times
// 20,000 of them is the memory of the machine.
func (cs *connState) noteBody(fc *fasthttp.RequestCtx) {
	if cs != nil && !fc.Response.IsBodyStream() && cap(fc.Response.Body()) > keepBody {
		cs.large = fc
	}
}

// headReceived is called when a head that declares a body was read: its first byte is awaited.
func (cs *connState) headReceived(limit time.Duration) {
	cs.mu.Lock()
	cs.bodyLimit, cs.bodyUsed, cs.bodySince = limit, 0, cs.table.now.Load()
	cs.mu.Unlock()
	cs.flags.Or(flagLinger | flagBody)
	cs.move(phaseBody, cs.table.deadline(milliseconds(limit)))
}

func (cs *connState) resetBody() {
	cs.flags.And(^(flagLinger | flagBody))
	cs.mu.Lock()
	cs.bodyLimit, cs.bodyUsed = 0, 0
	cs.mu.Unlock()
}

// enterHandler is called first thing in the request path: from here the client is not to blame for time that passes.
func (cs *connState) enterHandler() {
	if cs == nil {
		return
	}
	cs.next = phaseHandler
	cs.begun++
	cs.outAt = cs.out.Load()
	if cs.stamp().phase() == phaseHandler {
		return
	}
	if cs.move(phaseHandler, 0).phase() == phaseBody {
		cs.mu.Lock()
		cs.bodyUsed += cs.table.now.Load() - cs.bodySince
		cs.mu.Unlock()
	}
}

// enterBody starts a wait for the request's body. limit is for all waits of one request together; 0 takes what the head
// was received with, or limits.Body. It does nothing unless a handler runs.
func (cs *connState) enterBody(limit time.Duration) {
	if cs == nil {
		return
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if limit > 0 {
		cs.bodyLimit = limit
	} else if cs.bodyLimit == 0 {
		cs.bodyLimit = cs.table.limits.Body
	}
	cs.bodySince = cs.table.now.Load()
	total := milliseconds(cs.bodyLimit)
	deadline := cs.table.deadline(total)
	if deadline != 0 {
		deadline -= min(cs.bodyUsed, total)
	}
	cs.flags.Or(flagBody)
	cs.swapFrom(phaseHandler, newStamp(phaseBody, deadline))
}

// leaveBody ends what enterBody started.
func (cs *connState) leaveBody() {
	if cs == nil {
		return
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if old, ok := cs.swapFrom(phaseBody, newStamp(phaseHandler, 0)); ok {
		cs.bodyUsed += cs.table.now.Load() - cs.bodySince
		if old.expired() {
			_ = cs.raw.SetReadDeadline(time.Time{})
		}
	}
}

// swapFrom changes the phase if it still is from. Callers hold mu, which keeps the sweeper out.
func (cs *connState) swapFrom(from phase, to stamp) (stamp, bool) {
	old := cs.stamp()
	ok := old.phase() == from && cs.phase.CompareAndSwap(uint64(old), uint64(to))
	return old, ok
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

// ---- completion ----

type completion struct {
	f    func()
	next *completion
}

// onComplete calls f once when the current response is complete: written, failed, or its hijacked connection closed. It
// allocates; a connection that never asks pays one load per request.
func (cs *connState) onComplete(f func()) {
	if cs == nil {
		return
	}
	d := &completion{f: f}
	for {
		d.next = cs.done.Load()
		if cs.done.CompareAndSwap(d.next, d) {
			return
		}
	}
}

func (cs *connState) complete() {
	if cs.done.Load() == nil {
		return
	}
	for d := cs.done.Swap(nil); d != nil; d = d.next {
		d.f()
	}
}
