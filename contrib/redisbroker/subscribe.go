package redisbroker

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/goquart/quart/hub"
)

// topic is one that this process subscribes to. Broker.mu guards it; subs is replaced, never changed in place.
type topic struct {
	name         string
	stream, head string
	subs         []*subscription

	asked bool          // SUBSCRIBE has been sent, or will be by who connects
	ready chan struct{} // closed when the server has confirmed it
	sure  bool          // ready is closed

	fresh   bool      // a message came since the last look at the silent ones
	newest  hub.Pos   // of the messages that came over the channel
	silent  bool      // nothing came: compared for that reason alone
	want    hub.Pos   // newest must get there until the next look: the stream had a message that had not come
	checked time.Time // when its head was looked at
	touched time.Time // when the expiry of its head was put off
}

// subscription is one fn. It has a goroutine as long as it has something to deliver: a slow fn delays no other, and a topic that is silent costs
// none.
type subscription struct {
	b  *Broker
	t  *topic
	fn func(pos hub.Pos, msg []byte)

	fnMu   sync.Mutex // held while fn runs
	closed bool       // guarded by fnMu
	buf    []byte     // what fn borrows

	mu      sync.Mutex
	started bool    // it reads, or has read, its history: from then on it may be told to read again
	running bool    // a goroutine is at work
	pos     hub.Pos // of the last message that was delivered, in the server's epochs; written by the goroutine at work
	shift   uint64  // makes another epoch of the server's: after messages were missed
	behind  bool    // the stream has to be read
	queue   []live  // came over the channel
	bytes   int     // in queue
}

const (
	// maxQueue bounds a queue, in bytes. Beyond it the queue is dropped: the stream has the newest messages too.
	maxQueue = 8 << 20
	// perMessage is about what a queue needs for a message besides its bytes.
	perMessage = 128
	// A buffer that is larger is not kept.
	maxKeptBuffer = 64 << 10
)

// Subscribe implements [hub.Broker]. Each subscription calls its fn from a goroutine of its own, the first messages from that of the caller. An fn
// that falls behind reads from the stream what came meanwhile; by more than the history, messages are missing and the positions get another epoch.
// When the server cannot be reached for Config.Timeout it fails with [ErrUnavailable]: the hub may try again later.
func (b *Broker) Subscribe(name string, since hub.Pos, fn func(pos hub.Pos, msg []byte)) (cancel func(), recovered bool, err error) {
	deadline := time.Now().Add(b.cfg.Timeout)
	s := &subscription{b: b, fn: fn, running: true, pos: since}
	if !b.add(name, s) {
		return nil, false, ErrClosed
	}
	recovered, err = s.begin(deadline)
	if err != nil {
		s.cancel()
		return nil, false, err
	}
	return sync.OnceFunc(s.cancel), recovered, nil
}

// add makes s a subscription of the topic. It reports false when the broker is closed.
func (b *Broker) add(name string, s *subscription) bool {
	stream, head := b.keys(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	t := b.topics[stream]
	if t == nil {
		t = &topic{name: name, stream: stream, head: head, ready: make(chan struct{})}
		b.topics[stream] = t
		signal(b.wake)
		signal(b.kick)
	}
	s.t = t
	t.subs = append(slices.Clip(t.subs), s)
	return true
}

// begin waits for the channel and delivers the history. What comes over the channel meanwhile waits in the queue.
func (s *subscription) begin(deadline time.Time) (recovered bool, err error) {
	if err := s.awaitChannel(deadline); err != nil {
		return false, err
	}
	s.mu.Lock()
	s.started = true
	since := s.pos
	s.mu.Unlock()
	recovered = true
	for tries := 0; ; tries++ {
		gapless, err := s.catchUp(s.pos == since)
		recovered = recovered && gapless
		if err == nil {
			break
		}
		if s.b.ctx.Err() != nil {
			return false, ErrClosed
		}
		if !transient(err) {
			return false, fmt.Errorf("redisbroker: subscribe: %w", err)
		}
		if time.Now().After(deadline) {
			return false, fmt.Errorf("%w: subscribe: %w", ErrUnavailable, err)
		}
		if !s.b.sleep(backoff(tries)) {
			return false, ErrClosed
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
	s.start()
	return recovered, nil
}

func (s *subscription) awaitChannel(deadline time.Time) error {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	s.b.mu.Lock()
	ready := s.t.ready
	s.b.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-timer.C:
		return fmt.Errorf("%w: subscribe: no answer within %v", ErrUnavailable, s.b.cfg.Timeout)
	case <-s.b.ctx.Done():
		return ErrClosed
	}
}

// cancel takes s out of its topic and waits for fn. steer unsubscribes from topics without any, a little later.
func (s *subscription) cancel() {
	s.b.mu.Lock()
	if i := slices.Index(s.t.subs, s); i >= 0 {
		s.t.subs = slices.Concat(s.t.subs[:i], s.t.subs[i+1:])
	}
	s.b.mu.Unlock()
	s.shut()
}

// shut ends the calls of fn, and waits for one that is under way.
func (s *subscription) shut() {
	s.fnMu.Lock()
	defer s.fnMu.Unlock()
	s.closed = true
}

func (s *subscription) isShut() bool {
	s.fnMu.Lock()
	defer s.fnMu.Unlock()
	return s.closed
}

// push takes a message of the channel.
func (s *subscription) push(l live) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes > maxQueue {
		s.queue, s.bytes, s.behind = nil, 0, true
	}
	s.queue = append(s.queue, l)
	s.bytes += len(l.msg) + perMessage
	s.start()
}

// compare looks whether s has all up to the topic's last message. missed is true if it has not, and has no work that would explain it.
func (s *subscription) compare(end hub.Pos) (missed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started || end == s.pos || end == (hub.Pos{}) {
		return false
	}
	missed = !s.running
	s.behind = true
	s.start()
	return missed
}

// start starts the goroutine if there is something to do. mu is held.
func (s *subscription) start() {
	if s.running || !s.behind && len(s.queue) == 0 {
		return
	}
	s.b.mu.Lock() // Close waits for who is here before
	defer s.b.mu.Unlock()
	if s.b.closed {
		return
	}
	s.running = true
	s.b.wg.Go(s.run)
}

// run delivers until nothing is left.
func (s *subscription) run() {
	for tries := 0; ; {
		s.mu.Lock()
		queue, bytes, behind := s.queue, s.bytes, s.behind
		if len(queue) == 0 && !behind {
			s.running = false
			s.mu.Unlock()
			return
		}
		s.queue, s.bytes, s.behind = nil, 0, false
		s.mu.Unlock()
		err := s.work(queue, behind)
		if err == nil {
			tries = 0
			continue
		}
		if tries == 0 && !transient(err) {
			s.b.cfg.Log.Warn("redisbroker: a subscription cannot read its topic", "topic", s.t.name, "error", err)
		}
		s.putBack(queue, bytes)
		if s.isShut() || !s.b.sleep(backoff(tries)) {
			return // running stays true: nothing starts it again
		}
		tries++
	}
}

// work delivers the queue and then, if s may be behind, what the stream has more. The queue comes first: it may reach further back.
func (s *subscription) work(queue []live, behind bool) error {
	for _, l := range queue {
		if s.take(l) {
			continue
		}
		if _, err := s.catchUp(false); err != nil {
			return err
		}
	}
	if !behind {
		return nil
	}
	_, err := s.catchUp(false)
	return err
}

// putBack returns a queue that was not worked off, in front of what came meanwhile. What of it was delivered will be skipped.
func (s *subscription) putBack(queue []live, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behind = true
	if s.bytes+bytes <= maxQueue {
		s.queue, s.bytes = append(queue, s.queue...), s.bytes+bytes
	}
}

// take delivers a message of the channel if it is the next one. It reports false if the stream has to be read.
func (s *subscription) take(l live) bool {
	switch {
	case s.pos == hub.Pos{} && l.prev == 0, l.pos.Epoch == s.pos.Epoch && l.prev == s.pos.Seq:
		s.deliver(l.pos, l.msg)
		return true
	case l.pos.Epoch == s.pos.Epoch && l.pos.Seq <= s.pos.Seq:
		return true // it was read from the stream
	}
	return false
}

// deliver calls fn.
func (s *subscription) deliver(pos hub.Pos, msg string) {
	s.setPos(pos)
	s.fnMu.Lock()
	defer s.fnMu.Unlock()
	if s.closed {
		return
	}
	s.buf = append(s.buf[:0], msg...)
	s.fn(hub.Pos{Epoch: pos.Epoch ^ s.shift, Seq: pos.Seq}, s.buf)
	if cap(s.buf) > maxKeptBuffer {
		s.buf = nil
	}
}

func (s *subscription) setPos(pos hub.Pos) {
	s.mu.Lock()
	s.pos = pos
	s.mu.Unlock()
}

// catchUp reads the stream and delivers what is behind the position, up to what was there when it began. gapless is false if messages in between are
// lost. first is for the position that the subscriber came with, about which nothing is known.
func (s *subscription) catchUp(first bool) (gapless bool, err error) {
	gapless = true
	var target hub.Pos
	for at := s.pos; ; {
		p, err := s.b.read(s.t.stream, s.t.head, at, first)
		if err != nil {
			return gapless, err
		}
		if target == (hub.Pos{}) {
			target = p.end
		}
		gapless = gapless && p.gapless
		s.adopt(p, first)
		for _, m := range p.msgs {
			at = hub.Pos{Epoch: p.end.Epoch, Seq: m.seq}
			if m.seq > s.pos.Seq { // else it was delivered before: the stream began to be read from its start
				s.deliver(at, m.msg)
			}
		}
		if len(p.msgs) == 0 || at.Epoch != target.Epoch || at.Seq >= target.Seq {
			if len(p.msgs) == 0 && p.end.Epoch == s.pos.Epoch {
				s.setPos(p.end) // the last ones have expired
			}
			return gapless, nil
		}
		first = false
	}
}

// adopt makes what the server says of the topic's history that of s, before the messages of p.
func (s *subscription) adopt(p page, first bool) {
	switch {
	case p.gapless && p.end.Epoch == s.pos.Epoch:
		return
	case p.end == hub.Pos{}:
		// Nothing was published since the history was lost. A position is kept: its epoch tells the next one that it is another.
		if first {
			s.setPos(hub.Pos{})
		}
	case first || p.end.Epoch != s.pos.Epoch:
		s.shift = 0
		s.setPos(hub.Pos{Epoch: p.end.Epoch})
	default:
		// Messages were trimmed before s could read them, or the server lost some that s had.
		s.shift = newEpoch()
		if p.end.Seq < s.pos.Seq {
			s.setPos(p.end)
		}
		s.b.cfg.Log.Warn("redisbroker: a subscription missed messages", "topic", s.t.name, "at", s.pos.Seq)
	}
}
