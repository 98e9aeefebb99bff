package quart

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/goquart/quart/pool"
)

// outbox is what one client is still to be sent, of an event stream or a socket: by whom it is written, when, and what happens to a client
// that does not take it. Methods are called with mu held unless they say otherwise.
type outbox struct {
	live
	out      outlet
	self     speaker
	most     int32 // posted frames that may wait for a slow client; 0 is no limit
	overflow Overflow
	alarm    atomic.Bool // the time that was set by wake is over

	mu        sync.Mutex
	turn      *sync.Cond   // writing has ended, or there is room; nil if nobody ever waited
	buf       *pool.Buffer // bytes to be written, first
	queue     []*Frame     // behind them
	rest      piece        // of a write that was not taken whole
	wrote     moment       // the last write
	dropped   uint64       // frames lost to Overflow
	posted    int32        // frames in buf
	raws      int32        // in queue: what was not posted
	owed      int          // bytes of those
	lagging   int32        // frames that waited at lagSince and wait still
	lagSince  moment       // 0: it is not measured
	running   bool         // the function runs
	writing   bool         // a goroutine writes what is pending
	gathering bool         // the flusher will
	ending    bool         // a goroutine is at the end
	broken    bool         // the connection takes no more
	clean     bool         // how to end
	err       error        // why nothing more is taken
}

// speaker is who knows the protocol: the event stream or the socket that an outbox belongs to.
type speaker interface {
	encoded(f *Frame) []byte // f as this client gets it
	tooSlow()                // not held: Overflow says that the connection is closed
	onAlarm()                // held
	onBreak()                // not held: the connection takes no more
	onEnd()                  // not held: everything is written, or can not be
}

func (o *outbox) init(self speaker, out outlet, most int, overflow Overflow) {
	o.self, o.out, o.most, o.overflow = self, out, int32(min(most, maxQueue)), overflow
	o.running = true
}

// moment is a time in ns that only others are compared with. It takes a third of the room of a time.Time.
type moment int64

var processStart = time.Now()

func now() moment { return moment(time.Since(processStart)) }

func since(m moment) time.Duration { return time.Since(processStart) - time.Duration(m) }

const (
	smallBuffer = 512
	gatherTime  = 2 * time.Millisecond
	gatherBytes = 4 << 10  // of posted frames that are copied to the buffer; larger ones are shared
	fullBuffer  = 16 << 10 // who sends writes, or waits
	grants      = 64       // frames that are written by who posts them, in gatherTime
	patience    = 100 * time.Millisecond
	burstFactor = 64      // times most
	maxQueue    = 1 << 20 // frames
	mostPieces  = 16
)

// ---- what may wait ----

func (o *outbox) bufLen() int {
	if o.buf == nil {
		return 0
	}
	return len(o.buf.B)
}

// room waits while a slow client leaves none.
func (o *outbox) room() error {
	for o.err == nil && o.writing && (o.bufLen()+o.owed >= fullBuffer || o.crowded()) {
		o.waitTurn()
	}
	return o.err
}

// tail is the buffer that takes the n bytes that come next. It must not be asked for while frames are queued: see owe.
func (o *outbox) tail(n int) *pool.Buffer {
	switch b := o.buf; {
	case b == nil:
		o.buf = pool.GetBuffer(max(n, smallBuffer))
	case cap(b.B)-len(b.B) < n:
		o.buf = pool.GetBuffer(max(2*len(b.B), len(b.B)+n))
		o.buf.B = append(o.buf.B, b.B...)
		pool.PutBuffer(b)
	}
	return o.buf
}

// owe puts bytes behind all that is pending. They are never dropped. It copies b.
func (o *outbox) owe(b []byte) {
	if len(o.queue) == 0 {
		buf := o.tail(len(b))
		buf.B = append(buf.B, b...)
		return
	}
	o.oweRaw(append([]byte(nil), b...))
}

// oweRaw is owe behind queued frames. It keeps b.
func (o *outbox) oweRaw(b []byte) {
	o.queue = append(o.queue, &Frame{raw: b})
	o.raws++
	o.owed += len(b)
}

func (o *outbox) bytesOf(f *Frame) []byte {
	if f.raw != nil {
		return f.raw
	}
	return o.self.encoded(f)
}

// ---- writing ----

func (o *outbox) gather() {
	o.gathering = true
	o.app.flusher.add(o)
}

func (o *outbox) pending() bool { return len(o.rest.b) > 0 || o.buf != nil || len(o.queue) > 0 }

func (o *outbox) stopWriting() {
	o.writing = false
	o.wakeWaiters()
}

// waitTurn waits for wakeWaiters.
func (o *outbox) waitTurn() {
	if o.turn == nil {
		o.turn = sync.NewCond(&o.mu)
	}
	o.turn.Wait()
}

func (o *outbox) wakeWaiters() {
	if o.turn != nil {
		o.turn.Broadcast()
	}
}

// sendNow writes what was appended, by the caller, waits for the client if it must, and releases mu. Nobody may be writing.
//
// perf: a write that is tried needs no deadline, and little stack: that of a socket's goroutine stays at 2 KiB (bench/sockets, "idle").
func (o *outbox) sendNow() error {
	o.writing = true
	p := o.take()
	o.mu.Unlock()
	n, ok, err := o.out.try(p.b)
	o.mu.Lock()
	switch p.b = p.b[n:]; {
	case err != nil:
		p.free()
		o.breakOff()
	case ok && len(p.b) == 0:
		p.free()
		o.wrote = now()
	default:
		o.rest = p
		o.writeOne()
	}
	return o.written()
}

// written is the end of a write of what a caller appended. It releases mu.
func (o *outbox) written() error {
	if o.broken || !o.pending() {
		broken := o.broken
		o.stopWriting()
		o.release()
		if broken {
			return ErrClosed
		}
		return nil
	}
	o.mu.Unlock()
	go o.drain() // what others added meanwhile is not this caller's to wait for
	return nil
}

// writeOne writes what is next and waits for the client.
func (o *outbox) writeOne() {
	p := o.take()
	o.wakeWaiters() // there is room
	o.mu.Unlock()
	err := o.out.write(p.b)
	p.free()
	o.mu.Lock()
	o.wrote = now()
	if err != nil {
		o.breakOff()
	}
}

// piece is bytes on their way out: of a buffer that goes back to the pool, or of a large frame that all connections share.
type piece struct {
	b   []byte
	buf *pool.Buffer
}

func (p *piece) free() {
	if p.buf != nil {
		pool.PutBuffer(p.buf)
	}
	*p = piece{}
}

// take returns what is to be written next. Something must be pending.
func (o *outbox) take() piece {
	if p := o.rest; len(p.b) > 0 {
		o.rest = piece{}
		return p
	}
	if b := o.buf; b != nil {
		o.caughtUp(o.posted)
		o.buf, o.posted = nil, 0
		return piece{b.B, b}
	}
	if first := o.bytesOf(o.queue[0]); len(first) >= gatherBytes {
		o.dequeue(1)
		return piece{first, nil}
	}
	b := pool.GetBuffer(fullBuffer)
	n := 0
	for ; n < len(o.queue) && len(b.B) < fullBuffer-gatherBytes; n++ {
		f := o.bytesOf(o.queue[n])
		if len(f) >= gatherBytes {
			break
		}
		b.B = append(b.B, f...)
	}
	o.dequeue(n)
	return piece{b.B, b}
}

func (o *outbox) dequeue(n int) {
	for _, f := range o.queue[:n] {
		if f.raw == nil {
			o.caughtUp(1)
			continue
		}
		o.raws--
		o.owed -= len(f.raw)
	}
	clear(o.queue[:n])
	if o.queue = o.queue[n:]; len(o.queue) == 0 {
		o.queue = nil
	}
}

// flush writes until nothing is pending, and waits for the client. The caller has set writing.
func (o *outbox) flush() {
	for !o.broken && o.pending() {
		o.writeOne()
	}
	o.stopWriting()
}

// tryFlush is flush that does not wait: what the client does not take at once is left to a goroutine, and so is what others add all
// the time. It releases mu.
func (o *outbox) tryFlush() {
	for pieces := 0; !o.broken && o.pending(); pieces++ {
		if pieces == mostPieces {
			o.mu.Unlock()
			go o.drain()
			return
		}
		p := o.take()
		o.wakeWaiters()
		o.mu.Unlock()
		n, ok, err := o.out.try(p.b)
		o.mu.Lock()
		o.wrote = now()
		if err != nil {
			p.free()
			o.breakOff()
			break
		}
		if p.b = p.b[n:]; len(p.b) > 0 || !ok {
			o.rest = p
			o.mu.Unlock()
			go o.drain()
			return
		}
		p.free()
	}
	o.stopWriting()
	o.release()
}

// drain goes on where tryFlush could not.
func (o *outbox) drain() {
	o.mu.Lock()
	o.flush()
	o.release()
}

// gathered is the flusher's visit: it writes what gathered, and sees to the alarm. mu is not held.
func (o *outbox) gathered() {
	o.mu.Lock()
	o.gathering = false
	if o.alarm.Swap(false) && !o.ending {
		o.self.onAlarm()
	}
	if o.writing || o.broken || o.ending || !o.pending() {
		o.mu.Unlock()
		return
	}
	o.writing = true
	o.tryFlush()
}

// ---- the end ----

// breakOff notes that the client takes no more.
func (o *outbox) breakOff() {
	o.broken = true
	if o.err == nil {
		o.err = ErrClosed
	}
	o.free()
}

func (o *outbox) free() {
	if o.buf != nil {
		pool.PutBuffer(o.buf)
	}
	o.rest.free()
	o.buf, o.queue, o.posted, o.raws, o.owed, o.lagSince = nil, nil, 0, 0, 0, 0
}

// release unlocks mu after a write, and sees to the end of a connection that broke.
func (o *outbox) release() {
	broken := o.broken && !o.ending
	ended := broken && !o.running
	o.ending = o.ending || ended
	o.mu.Unlock()
	if broken {
		o.endContext()
		o.self.onBreak()
	}
	if ended {
		go o.end()
	}
}

// end writes what is pending and gives up the connection. It runs once, when the function has returned. mu is not held.
func (o *outbox) end() {
	o.mu.Lock()
	for o.writing {
		o.waitTurn()
	}
	o.writing = true
	o.flush()
	clean := o.clean && !o.broken
	o.broken = true
	o.free()
	o.mu.Unlock()
	o.self.onEnd()
	o.out.close(clean)
	o.freeContext()
}

// ---- as the owner of a connection: called by other goroutines, and must not block ----

// idle is called when the time set by wake is over.
func (o *outbox) idle() {
	o.alarm.Store(true)
	o.app.flusher.add(o)
}

// wake calls onAlarm after d, to the precision of the sweeper.
func (o *outbox) wake(d time.Duration) {
	o.conn.parkUntil(o.conn.table.deadline(milliseconds(d)))
}
