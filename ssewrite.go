package quart

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
)

// How the events of a stream are written: by whom, when, and what happens to a client that does not take them. Methods are called with mu
// held unless they say otherwise.

const (
	gatherTime  = 2 * time.Millisecond
	gatherBytes = 4 << 10  // of posted frames that are copied to the buffer; larger ones are shared
	fullBuffer  = 16 << 10 // Send writes by itself, or waits
	grants      = 64       // frames that are written by who posts them, in gatherTime
	patience    = 100 * time.Millisecond
	most        = 64 // times SSEConfig.Queue
)

// crowded reports whether as many frames wait as may wait for a slow client.
func (s *EventStream) crowded() bool {
	most := s.app.cfg.SSE.Queue
	return most > 0 && s.posted+len(s.queue) >= most
}

// full reports whether the client is too slow for what is posted. One that takes a burst well needs time for it, too: until a write
// has lasted for patience, more may wait.
func (s *EventStream) full() bool {
	if !s.crowded() {
		return false
	}
	return s.writing && time.Since(s.began) > patience || s.posted+len(s.queue) >= most*s.app.cfg.SSE.Queue
}

func (s *EventStream) bufLen() int {
	if s.buf == nil {
		return 0
	}
	return len(s.buf.B)
}

// room waits while a slow client leaves none.
func (s *EventStream) room() error {
	for s.err == nil && s.writing && (s.bufLen() >= fullBuffer || s.crowded()) {
		s.turn.Wait()
	}
	return s.err
}

// place puts an event behind what is pending.
func (s *EventStream) place(e *Event) {
	if len(s.queue) == 0 {
		s.append(e)
		return
	}
	s.queue = append(s.queue, &Frame{event: *e, data: []byte(e.Data)})
}

// open begins an event in the buffer.
func (s *EventStream) open() (start int) {
	if s.buf == nil {
		s.buf = pool.GetBuffer(512)
	}
	start = len(s.buf.B)
	if s.out.chunked() {
		s.buf.B = append(s.buf.B, emptyChunk...)
	}
	return start
}

// shut ends it.
func (s *EventStream) shut(start int) {
	if s.out.chunked() {
		s.buf.B = closeChunk(s.buf.B, start)
	}
}

func (s *EventStream) append(e *Event) {
	start := s.open()
	s.buf.B = e.append(s.buf.B)
	s.shut(start)
}

func (s *EventStream) appendBytes(b []byte) {
	if s.buf == nil {
		s.buf = pool.GetBuffer(512)
	}
	s.buf.B = append(s.buf.B, b...)
}

func (s *EventStream) bytesOf(f *Frame) []byte {
	if s.out.chunked() {
		return f.chunk()
	}
	return f.bare()
}

func (s *EventStream) gather() {
	s.gathering = true
	s.app.flusher.add(s)
}

// sent decides who writes an event that was appended, and releases mu.
func (s *EventStream) sent() error {
	if s.writing || s.gathering && s.bufLen() < fullBuffer && !s.first() {
		s.mu.Unlock()
		return nil
	}
	if time.Since(s.wrote) < gatherTime && s.bufLen() < fullBuffer {
		s.gather()
		s.mu.Unlock()
		return nil
	}
	s.writing = true
	s.writeOne()
	if err := s.err; err != nil || !s.pending() {
		s.stopWriting()
		s.release()
		return err
	}
	s.mu.Unlock()
	go s.drain() // what others added meanwhile is not this event's to wait for
	return nil
}

func (s *EventStream) pending() bool { return len(s.rest.b) > 0 || s.buf != nil || len(s.queue) > 0 }

func (s *EventStream) stopWriting() {
	s.writing = false
	s.turn.Broadcast()
}

// writeOne writes what is next and waits for the client.
func (s *EventStream) writeOne() {
	p := s.take()
	s.began = time.Now()
	s.turn.Broadcast() // there is room
	s.mu.Unlock()
	err := s.out.write(p.b)
	p.free()
	s.mu.Lock()
	s.wrote = time.Now()
	if err != nil {
		s.breakOff()
	}
}

// first reports that nothing was written yet: the head waits for the first event.
func (s *EventStream) first() bool { return s.wrote.IsZero() }

// piece is bytes on their way out: of a buffer that goes back to the pool, or of a large frame that all streams share.
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
func (s *EventStream) take() piece {
	if p := s.rest; len(p.b) > 0 {
		s.rest = piece{}
		return p
	}
	if b := s.buf; b != nil {
		s.buf, s.posted = nil, 0
		return piece{b.B, b}
	}
	if first := s.bytesOf(s.queue[0]); len(first) >= gatherBytes {
		s.dequeue(1)
		return piece{first, nil}
	}
	b := pool.GetBuffer(fullBuffer)
	n := 0
	for ; n < len(s.queue) && len(b.B) < fullBuffer-gatherBytes; n++ {
		f := s.bytesOf(s.queue[n])
		if len(f) >= gatherBytes {
			break
		}
		b.B = append(b.B, f...)
	}
	s.dequeue(n)
	return piece{b.B, b}
}

func (s *EventStream) dequeue(n int) {
	clear(s.queue[:n])
	if s.queue = s.queue[n:]; len(s.queue) == 0 {
		s.queue = nil
	}
}

// flush writes until nothing is pending, and waits for the client. The caller has set writing.
func (s *EventStream) flush() {
	for !s.broken && s.pending() {
		s.writeOne()
	}
	s.stopWriting()
}

// tryFlush is flush that does not wait: what the client does not take at once is left to a goroutine. It releases mu.
func (s *EventStream) tryFlush() {
	for !s.broken && s.pending() {
		p := s.take()
		s.began = time.Now()
		s.turn.Broadcast()
		s.mu.Unlock()
		n, ok, err := s.out.try(p.b)
		s.mu.Lock()
		s.wrote = time.Now()
		if err != nil {
			p.free()
			s.breakOff()
			break
		}
		if p.b = p.b[n:]; len(p.b) > 0 || !ok {
			s.rest = p
			s.mu.Unlock()
			go s.drain()
			return
		}
		p.free()
	}
	s.stopWriting()
	s.release()
}

// drain goes on where tryFlush could not.
func (s *EventStream) drain() {
	s.mu.Lock()
	s.flush()
	s.release()
}

// breakOff notes that the client takes no more.
func (s *EventStream) breakOff() {
	s.broken = true
	if s.err == nil {
		s.err = ErrClosed
	}
	s.free()
}

func (s *EventStream) free() {
	if s.buf != nil {
		pool.PutBuffer(s.buf)
	}
	s.rest.free()
	s.buf, s.queue, s.posted = nil, nil, 0
}

// release unlocks mu after a write, and sees to the end of a stream that broke.
func (s *EventStream) release() {
	broken := s.broken && !s.ending
	ended := broken && !s.running
	s.ending = s.ending || ended
	s.mu.Unlock()
	if broken {
		s.endContext()
	}
	if ended {
		go s.end()
	}
}

// gathered is the flusher's visit: it writes what gathered, and the keep-alive.
func (s *EventStream) gathered() {
	s.mu.Lock()
	s.gathering = false
	if s.beat.Swap(false) && s.err == nil {
		s.keepAlive()
	}
	if s.writing || s.broken || s.ending || !s.pending() {
		s.mu.Unlock()
		return
	}
	s.writing = true
	s.tryFlush()
}

// keepAlive appends a comment when nothing was written for so long, and sets the time of the next one.
func (s *EventStream) keepAlive() {
	every := s.app.cfg.SSE.KeepAlive
	left := every - time.Since(s.wrote)
	if left <= 0 {
		left = every
		if !s.writing && !s.pending() {
			start := s.open()
			s.buf.B = wire.AppendComment(s.buf.B, "")
			s.shut(start)
		}
	}
	s.conn.parkUntil(s.conn.table.deadline(milliseconds(left)))
}

// flusher writes the gathered events of all streams. Its goroutine runs while there are any.
type flusher struct {
	mu      sync.Mutex
	streams []*EventStream
	spare   []*EventStream
	running bool
	loop    func()

	window  atomic.Int64 // of gatherTime
	granted atomic.Int32 // writes in it
}

// grant reports whether a frame may be written by who posts it.
//
// perf: one frame after the other to 1,000 streams costs 14 us for each event if every one is written at once, and 1 us if they
// gather (bench/streams, "burst posted").
func (f *flusher) grant(now time.Time) bool {
	w := now.UnixNano() / int64(gatherTime)
	if f.window.Load() != w && f.window.Swap(w) != w {
		f.granted.Store(0)
	}
	return f.granted.Add(1) <= grants
}

func (f *flusher) add(s *EventStream) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.streams = append(f.streams, s)
	if f.running {
		return
	}
	f.running = true
	if f.loop == nil {
		f.loop = f.run
	}
	go f.loop()
}

func (f *flusher) run() {
	for {
		time.Sleep(gatherTime)
		f.mu.Lock()
		if len(f.streams) == 0 {
			f.running = false
			f.mu.Unlock()
			return
		}
		list := f.streams
		f.streams = f.spare[:0]
		f.mu.Unlock()
		for i, s := range list {
			s.gathered()
			list[i] = nil
		}
		f.spare = list
	}
}
