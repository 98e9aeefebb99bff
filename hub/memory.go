package hub

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// MemoryConfig are the bounds of a [Memory]. The zero value is ready to use.
type MemoryConfig struct {
	// History is how many messages of each topic are kept for those that subscribe later. 0: 128. Negative: none.
	History int

	// Bytes is how many bytes of each topic are kept, messages with what they take besides. One that is longer is not kept, nor what was
	// before it. 0: 4 MiB. Negative: no bound.
	Bytes int

	// Keep is how long they are kept. 0: 2 minutes. Negative: until newer ones take their place.
	Keep time.Duration

	// Topics is how many topics without subscribers are remembered. For one more, that which was used least recently goes with its history.
	// 0: 10,000. Negative: no bound.
	Topics int
}

// Memory is the broker of a hub that is alone: all is in the memory of its process. It is made by [NewMemory].
//
// Messages are delivered in the goroutine that publishes, one topic's in turn. So a fn must not block, and must not call its broker: what it
// publishes would wait for itself. A hub's fn puts the message into queues and returns.
//
// Messages are freed when Keep has passed, at the latest after twice that time, and topics that nobody subscribes to with them. No goroutine
// waits for it: a timer runs as long as there is something to forget.
type Memory struct {
	history int
	bytes   int
	keep    time.Duration // 0: for ever
	max     int           // topics without subscribers; 0: no bound
	epoch   uint64
	start   time.Time

	// Lock order: mu, then a topic's mu. Who holds mu only tries to lock a topic, for deliveries run under a topic's mu.
	mu     sync.RWMutex
	topics map[string]*memTopic
	idle   memQueue // the topics without subscribers
	busy   memQueue // those with subscribers, unless their history is empty
	floor  uint64   // the highest number in the topics that were removed: no topic uses those again
	armed  bool     // the timer runs
}

// NewMemory returns an empty broker with an epoch of its own. There is nothing to close.
func NewMemory(config MemoryConfig) *Memory {
	bytes := withDefault(config.Bytes, 4<<20)
	if bytes == 0 {
		bytes = math.MaxInt
	}
	return &Memory{
		history: withDefault(config.History, 128),
		bytes:   bytes,
		keep:    withDefault(config.Keep, 2*time.Minute),
		max:     withDefault(config.Topics, 10_000),
		epoch:   rand.Uint64() | 1, // not that of the zero Pos
		start:   time.Now(),
		topics:  make(map[string]*memTopic),
	}
}

// withDefault is n, another value for 0, and 0 for negative ones.
func withDefault[T int | time.Duration](n, byDefault T) T {
	if n == 0 {
		return byDefault
	}
	return max(n, 0)
}

// Publish implements [Broker]: it has delivered msg to all subscribers when it returns. Errors: that of a ctx which is done already. It
// allocates the copy of msg that is kept, nothing if History is negative.
func (m *Memory) Publish(ctx context.Context, topic string, msg []byte) (Pos, error) {
	if err := ctx.Err(); err != nil {
		return Pos{}, err
	}
	t := m.lock(topic)
	pos, queued := m.deliver(t, msg)
	if !queued {
		m.enqueue(t)
	}
	return pos, nil
}

// deliver unlocks t. queued is false when t had no message for so long that the sweep is not interested in it any more.
func (m *Memory) deliver(t *memTopic, msg []byte) (pos Pos, queued bool) {
	defer t.mu.Unlock()
	now := m.now()
	t.seq++
	t.used = now
	pos = Pos{m.epoch, t.seq}
	if m.history > 0 {
		if len(msg) > 0 {
			msg = append([]byte(nil), msg...)
		}
		t.expire(m.cutoff(now))
		t.push(memMessage{now, msg}, m.history, m.bytes)
	}
	for _, s := range t.subs {
		s.fn(pos, msg)
	}
	queued, t.queued = t.queued, true
	return pos, queued
}

// Subscribe implements [Broker]. The error is always nil.
func (m *Memory) Subscribe(topic string, since Pos, fn func(pos Pos, msg []byte)) (cancel func(), recovered bool, err error) {
	t := m.watch(topic)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(m.cutoff(m.now()))
	oldest := t.seq + 1 - uint64(t.n) // the number of the first message in the history
	next := oldest
	switch {
	case since == Pos{}:
		recovered = true
	case since.Epoch == m.epoch && since.Seq+1 >= oldest && since.Seq <= t.seq:
		recovered = true
		next = since.Seq + 1
	}
	for ; next <= t.seq; next++ {
		fn(Pos{m.epoch, next}, t.at(int(next-oldest)).msg)
	}
	s := &memSub{fn}
	t.subs = append(t.subs, s)
	var once sync.Once
	return func() { once.Do(func() { m.leave(t, s) }) }, recovered, nil
}

// now is the time since the start: one word, and it never goes back.
func (m *Memory) now() time.Duration { return time.Since(m.start) }

// cutoff is the time up to which everything has expired.
func (m *Memory) cutoff(now time.Duration) time.Duration {
	if m.keep == 0 {
		return -1
	}
	return now - m.keep
}

// lock returns a topic with its mu locked. It makes the topic if there is none.
func (m *Memory) lock(name string) *memTopic {
	for {
		m.mu.RLock()
		t := m.topics[name]
		m.mu.RUnlock()
		if t == nil {
			if t = m.create(name); t != nil {
				return t
			}
			continue // somebody else made it
		}
		t.mu.Lock()
		if !t.gone {
			return t
		}
		t.mu.Unlock() // removed in between
	}
}

// create adds a topic and returns it locked, nil if there is one.
func (m *Memory) create(name string) *memTopic {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.topics[name] != nil {
		return nil
	}
	t := m.add(name)
	t.mu.Lock() // nobody else knows it: this does not wait
	m.idle.push(t, m.now())
	m.evict()
	m.arm()
	return t
}

// add makes a topic that is in the map and in no queue. m.mu is held.
func (m *Memory) add(name string) *memTopic {
	t := &memTopic{name: name, seq: m.floor, base: m.floor, used: m.now(), index: -1, queued: true}
	m.topics[name] = t
	return t
}

// watch returns a topic that is not removed until leave, and makes it if there is none.
func (m *Memory) watch(name string) *memTopic {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.topics[name]
	if t == nil {
		t = m.add(name)
		m.busy.push(t, m.now())
	}
	if t.watchers++; t.watchers == 1 && m.idle.remove(t) {
		m.busy.push(t, t.key)
	}
	m.arm()
	return t
}

// leave ends a subscription. It waits for a delivery that is under way.
func (m *Memory) leave(t *memTopic, s *memSub) {
	now := m.now()
	t.mu.Lock()
	t.drop(s)
	t.used = now // who comes back soon finds the topic, and so knows that nothing was missed
	t.mu.Unlock()

	m.mu.Lock()
	defer m.mu.Unlock()
	if t.watchers--; t.watchers > 0 {
		return
	}
	m.busy.remove(t)
	m.idle.push(t, now)
	if t.mu.TryLock() {
		if t.seq == t.base { // never had a message: there is nothing to know
			m.remove(t)
		}
		t.mu.Unlock()
	}
	m.evict()
	m.arm()
}

// enqueue makes sure that the messages of t will be swept.
func (m *Memory) enqueue(t *memTopic) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.index < 0 && !t.gone { // with an index it is in a queue
		m.busy.push(t, m.now())
		m.arm()
	}
}
