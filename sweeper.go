package quart

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goquart/quart/internal/netwatch"
	"github.com/valyala/fasthttp"
)

// phase is what a connection is waiting for. It decides which limit holds and how the connection ends when the limit
// is over.
type phase uint64

const (
	phaseNew      phase = iota // accepted, not a byte of a request yet; a TLS handshake counts to it
	phaseHeader                // reading a request head
	phaseBody                  // waiting for the client's body
	phaseHandler               // the handler runs or its response is written: no limit, the client is not to blame
	phaseIdle                  // between two requests
	phaseHijacked              // another protocol reads and sets its own deadlines; each write stays limited
	phaseParked                // as hijacked, and fasthttp's Close is ignored
	phaseClosed                // being closed, possibly still draining input
	phases        = iota
)

func (p phase) String() string {
	return [phases]string{"new", "header", "body", "handler", "idle", "hijacked", "parked", "closed"}[p]
}

// stamp is a phase with its deadline in one word, so that one atomic operation changes both and the sweeper can expire
// exactly what it saw: bits 0-2 phase, bit 3 expired, bits 4-63 deadline in coarse milliseconds (0: none).
type stamp uint64

const (
	stampExpired stamp = 1 << 3
	stampShift         = 4
)

func newStamp(p phase, deadline uint64) stamp { return stamp(deadline<<stampShift) | stamp(p) }

func (s stamp) phase() phase     { return phase(s & 7) }
func (s stamp) expired() bool    { return s&stampExpired != 0 }
func (s stamp) deadline() uint64 { return uint64(s) >> stampShift }

// due reports whether the deadline has passed and nobody acted on it yet.
func (s stamp) due(now uint64) bool {
	d := s.deadline()
	return d != 0 && d <= now && !s.expired()
}

// limits bound what a client may take. A zero value means no limit.
type limits struct {
	Header        time.Duration // from the first byte of a request (of a connection: from its accept) to the end of its head
	Body          time.Duration // time spent waiting for one request's body
	BodyRead      time.Duration // each wait for a part of it
	Write         time.Duration // each piece of at most writePiece bytes
	Idle          time.Duration // between two requests
	MaxConns      int           // open connections of all listeners, hijacked and parked ones included
	MaxConnsPerIP int           // the same per IPv4 address or IPv6 /64 network
}

const (
	// writePiece is what one write limit covers. Longer writes go out in pieces, so that a slow but steady download
	// lives: 64 KiB in 10 s is 6.4 KiB/s.
	writePiece = 64 << 10
	// lingerTime and lingerBytes bound the drain after an answer that overtook its request. A client that sends its
	// whole body before it reads gets the answer only if all of the body is taken, so the bytes leave room for that;
	// the time is what limits a malicious one.
	lingerTime  = time.Second
	lingerBytes = 16 << 20
	// silence is how long a connection that never sent a byte is kept once the server drains.
	silence = time.Second
	// stuckAfter is when an expired connection that did not react is closed hard: its Read may hang in a write
	// (TLS alerts and key updates), which a read deadline does not end.
	stuckAfter = 15 * time.Second
)

const (
	sweepEvery = 250 * time.Millisecond
	connShards = 32
)

// connTable holds the connections of one server, of all its listeners: their limits, the coarse clock, the sweeper and
// the counters.
type connTable struct {
	limits limits
	log    *slog.Logger
	// Limits in coarse ms, one tick longer: the clock is up to a tick old, and no client is cut early.
	header, idle, write, bodyRead uint64

	_   [64]byte      // perf: the clock is read on each request and must not share a line with counters (BenchmarkConnPhases)
	now atomic.Uint64 // ms since the start, +1; moved on by the sweeper
	_   [56]byte

	draining atomic.Bool  // responses carry Connection: close
	leaving  atomic.Bool  // streams are to end
	owned    atomic.Int64 // parked connections with an owner
	streams  atomic.Int64 // of these, event streams
	watcher  netwatch.Watcher
	open     atomic.Int64
	in, out  atomic.Uint64 // of closed connections
	served   atomic.Uint64 // of closed connections
	next     atomic.Uint32 // shard of the next connection
	shards   [connShards]connShard

	perIP   ipCounter
	refused refusals
	warned  [warnings]atomic.Int64 // last log per kind, in coarse ms

	started   time.Time
	startOnce sync.Once
	stopOnce  sync.Once
	quit      chan struct{}
	swept     chan struct{} // closed when the sweeper has ended
}

type connShard struct {
	mu    sync.Mutex
	conns []*connState
	_     [32]byte
}

// newConnTable makes a table; start must be called before its listeners accept, and stop in the end.
func newConnTable(lim limits, log *slog.Logger) *connTable {
	t := &connTable{limits: lim, log: log, started: time.Now(), quit: make(chan struct{}), swept: make(chan struct{})}
	t.header, t.idle, t.write = milliseconds(lim.Header), milliseconds(lim.Idle), milliseconds(lim.Write)
	t.bodyRead = milliseconds(lim.BodyRead)
	t.now.Store(1)
	return t
}

func milliseconds(d time.Duration) uint64 {
	if d <= 0 {
		return 0
	}
	return uint64((d + time.Millisecond - 1) / time.Millisecond)
}

// deadline is limit coarse ms from now, 0 for none.
func (t *connTable) deadline(limit uint64) uint64 {
	if limit == 0 {
		return 0
	}
	return t.now.Load() + limit + uint64(sweepEvery/time.Millisecond)
}

// start starts the sweeper: one goroutine until stop.
func (t *connTable) start() {
	t.startOnce.Do(func() { go t.run() })
}

// stop ends the sweeper and waits for it. Connections that are still open have no limits any more.
func (t *connTable) stop() {
	t.startOnce.Do(func() { close(t.swept) }) // never started
	t.stopOnce.Do(func() { close(t.quit) })
	<-t.swept
	t.watcher.Close()
	t.refused.closeAll()
}

func (t *connTable) run() {
	defer close(t.swept)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-t.quit:
			return
		case <-tick.C:
			t.sweep(uint64(time.Since(t.started)/time.Millisecond) + 1)
		}
	}
}

// sweep moves the clock on and expires what is due.
func (t *connTable) sweep(now uint64) {
	t.now.Store(now)
	t.each(func(cs *connState) { cs.check(now) })
	t.refused.closeOlder(now)
}

// each calls f for every open connection under its shard's lock: f must not block, nor close with Close.
func (t *connTable) each(f func(*connState)) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for _, cs := range s.conns {
			f(cs)
		}
		s.mu.Unlock()
	}
}

func (cs *connState) check(now uint64) {
	w := stamp(cs.writing.Load())
	if w.due(now) {
		cs.expireWrite(w)
	}
	s := cs.stamp()
	switch {
	case s.due(now) && s.phase() == phaseParked:
		if cs.phase.CompareAndSwap(uint64(s), uint64(newStamp(phaseParked, 0))) {
			cs.owner.idle()
		}
	case s.due(now):
		if s.phase() == phaseNew && cs.in.Load() == 0 {
			cs.flags.Or(flagSilent) // a browser's spare connection: an unasked 408 could be taken for an answer
		}
		cs.expireRead(s)
	case s.expired() && w == 0 && s.deadline() != 0 && now > s.deadline()+milliseconds(stuckAfter):
		cs.kill()
	}
}

// past is a deadline that is over: a blocked Read or Write returns os.ErrDeadlineExceeded.
var past = time.Unix(1, 0)

// expireRead ends the blocked read of exactly the phase that was seen. The lock makes a worker that moved on meanwhile
// wait before it takes the deadline back.
func (cs *connState) expireRead(seen stamp) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.phase.CompareAndSwap(uint64(seen), uint64(seen|stampExpired)) {
		_ = cs.raw.SetReadDeadline(past)
	}
}

func (cs *connState) expireWrite(seen stamp) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.writing.CompareAndSwap(uint64(seen), uint64(seen|stampExpired)) {
		_ = cs.raw.SetWriteDeadline(past)
	}
}

// ---- members ----

// wrap makes nc a member, in phaseNew.
func (t *connTable) wrap(nc net.Conn, tlsConfig *tls.Config, ip ipKey) net.Conn {
	if tlsConfig != nil {
		nc = tls.Server(nc, tlsConfig)
	}
	switch nc := nc.(type) {
	case *tls.Conn: // ours, or of a listener that does TLS itself
		c := &tlsConn{bareTLS: bareTLS{nc}}
		t.add(&c.connState, nc, nc.NetConn(), ip)
		return c
	case *net.TCPConn:
		c := &tcpConn{bareTCP: bareTCP{nc}}
		t.add(&c.connState, nc, nc, ip)
		return c
	}
	c := &plainConn{bareAny: bareAny{nc}}
	t.add(&c.connState, nc, nc, ip)
	return c
}

func (t *connTable) add(cs *connState, inner, raw net.Conn, ip ipKey) {
	cs.table, cs.inner, cs.raw, cs.ip = t, inner, raw, ip
	cs.born = t.now.Load()
	cs.phase.Store(uint64(newStamp(phaseNew, t.deadline(t.header))))
	s := &t.shards[t.next.Add(1)%connShards]
	cs.shard = s
	s.mu.Lock()
	cs.index = len(s.conns)
	s.conns = append(s.conns, cs)
	s.mu.Unlock()
}

func (t *connTable) remove(cs *connState) {
	s := cs.shard
	s.mu.Lock()
	last := len(s.conns) - 1
	s.conns[cs.index] = s.conns[last]
	s.conns[cs.index].index = cs.index
	s.conns[last] = nil
	s.conns = s.conns[:last]
	if cs.flags.Load()&flagStream == 0 {
		t.in.Add(cs.in.Load())
		t.out.Add(cs.out.Load())
	}
	t.served.Add(cs.served.Load())
	s.mu.Unlock()
	t.perIP.leave(cs.ip)
	if cs.flags.Load()&flagStream == 0 {
		t.open.Add(-1)
	}
}

// hook is fasthttp.Server.ConnState.
func (t *connTable) hook(nc net.Conn, state fasthttp.ConnState) {
	cs := connOf(nc)
	if cs == nil {
		return
	}
	switch state {
	case fasthttp.StateActive:
		cs.active()
	case fasthttp.StateIdle:
		cs.idle()
	case fasthttp.StateClosed:
		cs.complete()
	}
	// StateNew is the accept. StateHijacked comes from a goroutine that races with the hijack handler: SetDeadline
	// is the sign that is in order.
}

// ---- counts and the end ----

// connCounts is how many open connections are in each phase.
type connCounts [phases]int

// unfinished is the number of connections that a graceful stop waits for: all but those that another protocol owns.
func (c *connCounts) unfinished() int {
	n := 0
	for p, k := range c {
		if phase(p) != phaseHijacked && phase(p) != phaseParked {
			n += k
		}
	}
	return n
}

// counts walks all connections.
func (t *connTable) counts() (c connCounts) {
	t.each(func(cs *connState) {
		p := cs.stamp().phase()
		if p == phaseHijacked && cs.flags.Load()&flagFinite != 0 {
			p = phaseHandler
		}
		c[p]++
	})
	return c
}

// bytes returns the bytes read and written since the start, of open connections too. It walks all connections.
func (t *connTable) bytes() (in, out uint64) {
	// Closed totals come first: a connection that closes during the walk is missed for once, never counted twice.
	in, out = t.in.Load(), t.out.Load()
	t.each(func(cs *connState) {
		if cs.flags.Load()&flagStream == 0 {
			in += cs.in.Load()
			out += cs.out.Load()
		}
	})
	return in, out
}

// requests returns how many requests reached a handler since the start, as of each connection's last write. It walks all
// connections.
func (t *connTable) requests() uint64 {
	n := t.served.Load()
	t.each(func(cs *connState) { n += cs.served.Load() })
	return n
}

// closeIdle ends idle connections, and those that have been silent since their accept for at least silence. It never
// blocks and loses no request: the worker is woken, and one that was just read is served instead.
func (t *connTable) closeIdle() {
	now := t.now.Load()
	t.each(func(cs *connState) {
		s := cs.stamp()
		switch {
		case s.expired():
		case s.phase() == phaseIdle:
			cs.expireRead(s)
		case s.phase() == phaseNew && now-cs.born >= milliseconds(silence):
			cs.flags.Or(flagSilent)
			cs.expireRead(s)
		}
	})
}

// waitIdle closes idle connections until none is left but hijacked and parked ones without an owner, or until ctx is done, which it
// returns. The listeners must be closed, else new connections keep it waiting.
func (t *connTable) waitIdle(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		t.closeIdle()
		c := t.counts()
		if c.unfinished() == 0 && t.owned.Load() == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// leave tells the owners of parked connections, now and from now on, that the app stops. It takes them in an order of chance, paceOf in a
// millisecond, so that thousands of clients do not come back to the other servers at one moment.
func (t *connTable) leave(grace time.Duration) {
	t.leaving.Store(true)
	var owners []owner
	t.each(func(cs *connState) {
		if cs.stamp().phase() == phaseParked && cs.owner != nil {
			owners = append(owners, cs.owner)
		}
	})
	rand.Shuffle(len(owners), func(i, j int) { owners[i], owners[j] = owners[j], owners[i] })
	pace := paceOf(len(owners), grace)
	for i, o := range owners {
		if i > 0 && i%pace == 0 {
			time.Sleep(time.Millisecond)
		}
		o.leave()
	}
}

// paceOf is 8, or more if n of them would take more than a quarter of the grace.
func paceOf(n int, grace time.Duration) int {
	if grace <= 0 {
		grace = defaultShutdownGrace
	}
	return max(8, n/max(int(grace/4/time.Millisecond), 1)+1)
}

// closeAll closes every connection at once, whatever it does. Parked ones end too.
func (t *connTable) closeAll() {
	var parked []*connState
	t.each(func(cs *connState) {
		cs.kill()
		if cs.stamp().phase() == phaseParked {
			parked = append(parked, cs)
		}
	})
	for _, cs := range parked {
		_ = cs.shut()
	}
}
