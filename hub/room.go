package hub

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/goquart/quart"
)

// room is what a process keeps of a topic while it has members, and a while longer.
//
// Messages come from the broker one at a time (receive), are put at the end of the history and are delivered from there by a goroutine that
// runs while there is something to deliver: brokers may call receive with locks held that a member's Post, or what a Post sets off, could
// need. A member that joins walks along the history by itself to its end, and becomes one of the members in the same moment; what the
// delivery brings it again from before that is left out. So nobody waits for anybody, and each member gets every message once and in order.
type room struct {
	hub *Hub
	key string // the name in the broker

	// Guarded by hub.mu.
	refs      int // members, and joins under way
	idle      *list.Element
	idleSince time.Time

	expected atomic.Bool // a member is about to come: the room stays without one

	subMu   sync.Mutex
	cancel  func() // of the subscription; nil without
	attempt *attempt

	mu         sync.Mutex
	history    history
	at         *entry // the last one that was delivered
	behind     int    // bytes that are not delivered
	members    []*Member
	walkers    []*walker
	forms      [numForms]int // how many members need each
	watchers   int           // of presence
	delivering bool
	closed     bool
	told       bool          // that nothing was there yet: who comes back with history.origin is served from this room alone
	space      chan struct{} // closed when the delivery has caught up, if somebody waits
	hurry      time.Time     // receive does not wait before

	targets []*Member // the delivery's own

	counters
}

const (
	batch      = 16 // messages that are delivered together
	maxBehind  = 1024
	maxPending = 32 << 20
	patience   = time.Second
)

func newRoom(h *Hub, key string) *room {
	r := &room{hub: h, key: key, history: newHistory(h.limits)}
	r.at = r.history.tail
	return r
}

func (r *room) name() string { return r.key[len(messagePrefix):] }

// ---- subscription ----

// attempt is a call of Subscribe under way. All who wait for it share what comes of it.
type attempt struct {
	done chan struct{}
	err  error
}

// subscribe makes sure that messages come to r. Who waits for another's attempt gives up when done, which is asked for only then, is closed. The
// caller holds a reference.
func (r *room) subscribe(done func() <-chan struct{}) error {
	r.subMu.Lock()
	if r.cancel != nil {
		r.subMu.Unlock()
		return nil
	}
	if a := r.attempt; a != nil {
		r.subMu.Unlock()
		select {
		case <-a.done:
			return a.err
		case <-done():
			return quart.ErrClosed
		}
	}
	a := &attempt{done: make(chan struct{})}
	r.attempt = a
	r.subMu.Unlock()
	cancel, _, err := r.hub.broker.Subscribe(r.key, Pos{}, r.receive)
	if err != nil {
		err = &brokerError{"join", r.name(), err}
	}
	r.subMu.Lock()
	r.cancel, r.attempt, a.err = cancel, nil, err
	r.subMu.Unlock()
	close(a.done)
	return err
}

func (r *room) unsubscribe() {
	r.subMu.Lock()
	cancel := r.cancel
	r.cancel = nil
	r.subMu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// ---- messages ----

// receive takes a message from the broker. It does not block, unless the delivery is far behind: then it waits a moment, so that publishers
// slow down.
func (r *room) receive(pos Pos, raw []byte) {
	m, ok := parseMessage(raw)
	if !ok {
		return
	}
	m.data = append([]byte(nil), m.data...)
	e := &entry{message: m, pos: pos, at: time.Now()}
	if !r.hub.alone { // publish has waited
		r.holdBroker()
	}
	r.mu.Lock()
	if !r.history.push(e) {
		r.mu.Unlock()
		return
	}
	start := false
	if len(r.members) == 0 && !r.delivering {
		r.at = e
	} else {
		r.behind += len(e.data)
		start = !r.delivering
		r.delivering = true
	}
	r.mu.Unlock()
	r.received.Add(1)
	r.hub.received.Add(1)
	if start {
		r.hub.tasks.start(r.deliver)
	}
}

func (r *room) crowded() bool {
	return r.history.tail.number-r.at.number >= maxBehind || r.behind >= maxPending
}

// awaitSpace waits until the delivery has caught up or ctx is done, but not for ever: the delivery may be waiting for this very message.
// inTime is false if it has not caught up.
func (r *room) awaitSpace(ctx context.Context) (inTime bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.crowded() {
		return true, nil
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	for r.crowded() {
		if r.space == nil {
			r.space = make(chan struct{})
		}
		space := r.space
		r.mu.Unlock()
		select {
		case <-space:
		case <-late.C:
			r.mu.Lock()
			return false, nil
		case <-ctx.Done():
			r.mu.Lock()
			return false, context.Cause(ctx)
		}
		r.mu.Lock()
	}
	return true, nil
}

// holdBroker slows down what other processes publish. Publishers of this one may be waiting for it to return, one after another: after a wait in
// vain none follows for as long.
func (r *room) holdBroker() {
	r.mu.Lock()
	hurry := r.hurry
	r.mu.Unlock()
	if time.Now().Before(hurry) {
		return
	}
	if inTime, _ := r.awaitSpace(context.Background()); inTime {
		return
	}
	r.mu.Lock()
	r.hurry = time.Now().Add(patience)
	r.mu.Unlock()
}

// deliver posts what is in the history to all members, several messages at a time if it is behind, and ends when nothing is left.
func (r *room) deliver() {
	var d delivery
	for r.next(&d) {
		delivered, dropped := uint64(0), uint64(0)
		for _, m := range r.targets {
			n, failed := d.post(m)
			delivered += n
			dropped += failed
		}
		r.count(delivered, dropped)
	}
}

// delivery is what is posted to every member in one go.
type delivery struct {
	n       int
	entries [batch]*entry
	frames  [numForms][batch]*quart.Frame
}

// next takes what is to be delivered next, and to whom.
func (r *room) next(d *delivery) bool {
	clear(r.targets)
	r.targets = r.targets[:0]
	r.mu.Lock()
	defer r.mu.Unlock()
	d.n = 0
	for r.at.next != nil && d.n < batch {
		r.at = r.at.next
		r.behind -= len(r.at.data)
		if r.at.kind != 0 {
			d.entries[d.n] = r.at
			d.n++
		}
	}
	if r.space != nil && !r.crowded() {
		close(r.space)
		r.space = nil
	}
	if d.n == 0 {
		r.delivering = false
		if cap(r.targets) > 4*len(r.members)+64 {
			r.targets = nil
		}
		return false
	}
	for form := range numForms {
		for i := range d.n {
			if d.frames[form][i] = nil; r.forms[form] > 0 {
				d.frames[form][i] = r.frame(d.entries[i], form)
			}
		}
	}
	r.targets = append(r.targets, r.members...)
	return true
}

// frame returns the message in a form, which is made once as long as anybody has it. Kept with the entry it would be many times the message,
// of which only what was published counts for limits.bytes. mu is held.
func (r *room) frame(e *entry, f form) *quart.Frame {
	frame := e.frames[f].Value()
	if frame != nil {
		return frame
	}
	if f == formEnvelope {
		frame = e.envelope(r.name(), e.pos)
	} else {
		frame = e.plain(e.pos)
	}
	e.frames[f] = weak.Make(frame)
	return frame
}

// post posts the messages to one member.
func (d *delivery) post(m *Member) (delivered, dropped uint64) {
	frames := &d.frames[m.format.form()]
	for i, e := range d.entries[:d.n] {
		if m.has(e) {
			continue
		}
		if m.gone.Load() {
			break
		}
		if err := m.live.Post(frames[i]); err != nil {
			dropped++
			if left(err) {
				m.Leave()
				break
			}
			continue
		}
		delivered++
	}
	return delivered, dropped
}

func (r *room) count(delivered, dropped uint64) {
	r.delivered.Add(delivered)
	r.hub.delivered.Add(delivered)
	if dropped > 0 {
		r.dropped.Add(dropped)
		r.hub.dropped.Add(dropped)
	}
}

// used reports whether anybody has a position in it: then who comes back soon may have missed nothing.
func (r *room) used() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.told || r.history.tail.pos != Pos{}
}

func (r *room) expire(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == r.history.tail {
		r.history.expire(now)
		r.at = r.history.tail
	} else {
		r.history.trim(now)
	}
}

// empty makes all members leave, and lets nobody in any more.
func (r *room) empty() {
	r.mu.Lock()
	r.closed = true
	members := append([]*Member(nil), r.members...)
	for _, w := range r.walkers {
		members = append(members, w.m)
	}
	r.mu.Unlock()
	for _, m := range members {
		m.Leave()
	}
}
