package hub

import (
	"container/heap"
	"sync"
	"time"
)

// memTopic is a topic of a [Memory].
type memTopic struct {
	name string

	mu     sync.Mutex
	seq    uint64        // the number of the newest message
	base   uint64        // what seq began with
	used   time.Duration // when the newest message came or a subscriber left
	subs   []*memSub
	ring   []memMessage // the history is ring[head] and the n-1 behind it, round the corner
	head   int
	n      int
	bytes  int  // of the history
	queued bool // false: a message must put the topic into Memory.busy
	gone   bool // removed from Memory.topics; written under Memory.mu too

	// Guarded by Memory.mu.
	watchers int           // subscriptions that are there or on their way
	key      time.Duration // at most used, as far as the queue knows
	index    int           // in its queue; -1: in none
}

// memSub is a subscription.
type memSub struct {
	fn func(Pos, []byte)
}

type memMessage struct {
	at  time.Duration
	msg []byte
}

// at returns message i of the history, 0 being the oldest.
func (t *memTopic) at(i int) *memMessage {
	if i += t.head; i >= len(t.ring) {
		i -= len(t.ring)
	}
	return &t.ring[i]
}

// memOverhead is what a message takes besides its bytes, roughly.
const memOverhead = 64

func (m *memMessage) size() int { return len(m.msg) + memOverhead }

// push adds a message to a history of at most limit, which is over 0, and at most so many bytes. The ring grows with what is in it.
func (t *memTopic) push(m memMessage, limit, bytes int) {
	for t.n > 0 && (t.n == limit || t.bytes+m.size() > bytes) {
		t.shift()
	}
	if m.size() > bytes {
		return
	}
	if t.n == len(t.ring) && t.n < limit {
		ring := make([]memMessage, min(limit, max(4, 2*t.n)))
		for i := range t.n {
			ring[i] = *t.at(i)
		}
		t.ring, t.head = ring, 0
	}
	t.n++
	t.bytes += m.size()
	*t.at(t.n - 1) = m
}

// shift drops the oldest message.
func (t *memTopic) shift() {
	t.bytes -= t.ring[t.head].size()
	t.ring[t.head] = memMessage{}
	if t.head++; t.head == len(t.ring) {
		t.head = 0
	}
	t.n--
}

// expire drops the messages up to cutoff, and the ring with the last one.
func (t *memTopic) expire(cutoff time.Duration) {
	had := t.n
	for t.n > 0 && t.ring[t.head].at <= cutoff {
		t.shift()
	}
	if t.n == 0 && had > 0 {
		t.ring, t.head = nil, 0
	}
}

// drop removes a subscription.
func (t *memTopic) drop(s *memSub) {
	for i, other := range t.subs {
		if other != s {
			continue
		}
		last := len(t.subs) - 1
		t.subs[i] = t.subs[last]
		t.subs[last] = nil
		t.subs = t.subs[:last]
		return
	}
}

// sweepSize bounds how many topics one sweep looks at while it holds Memory.mu.
const sweepSize = 1000

// sweep is called by the timer. It forgets what has expired, and sets the timer again if there is more to come.
func (m *Memory) sweep() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	cutoff := m.cutoff(now)
	for range sweepSize {
		switch {
		case len(m.idle) > 0 && m.idle[0].key <= cutoff:
			m.look(&m.idle, now, cutoff)
		case len(m.busy) > 0 && m.busy[0].key <= cutoff:
			m.look(&m.busy, now, cutoff)
		default:
			m.armed = false
			m.arm()
			return
		}
	}
	time.AfterFunc(time.Millisecond, m.sweep) // there is more: publishers first
}

// look forgets the expired messages of a queue's first topic. Either the topic leaves the queue, or its key grows.
func (m *Memory) look(q *memQueue, now, cutoff time.Duration) {
	t := (*q)[0]
	if !t.mu.TryLock() {
		q.rekey(t, now) // in use
		return
	}
	defer t.mu.Unlock()
	t.expire(cutoff)
	switch {
	case t.watchers > 0 && t.n == 0:
		q.remove(t)
		t.queued = false
	case t.watchers > 0:
		q.rekey(t, t.at(t.n-1).at)
	case t.used <= cutoff:
		m.remove(t)
	default:
		q.rekey(t, t.used)
	}
}

// arm sets the timer, unless it runs or there is nothing to forget. m.mu is held.
func (m *Memory) arm() {
	if m.armed || m.keep == 0 || len(m.idle)+len(m.busy) == 0 {
		return
	}
	m.armed = true
	first := m.now()
	for _, q := range []memQueue{m.idle, m.busy} {
		if len(q) > 0 {
			first = min(first, q[0].key)
		}
	}
	// A while later than exactly then, so that one sweep finds many.
	time.AfterFunc(first+m.keep-m.now()+m.keep/8, m.sweep)
}

// evict removes topics without subscribers beyond the bound: first that which was used least recently.
func (m *Memory) evict() {
	if m.max == 0 {
		return
	}
	// perf: a key is raised only where a message came since, so publishers pay for the turns. BenchmarkMemoryEvict
	for tries := 0; len(m.idle) > m.max && tries < sweepSize; tries++ {
		t := m.idle[0]
		if !t.mu.TryLock() {
			m.idle.rekey(t, m.now())
			continue
		}
		if t.used > t.key {
			m.idle.rekey(t, t.used)
		} else {
			m.remove(t)
		}
		t.mu.Unlock()
	}
}

// remove removes an idle topic. m.mu and t.mu are held.
func (m *Memory) remove(t *memTopic) {
	m.idle.remove(t)
	delete(m.topics, t.name)
	m.floor = max(m.floor, t.seq)
	t.gone = true
	t.ring, t.n, t.bytes = nil, 0, 0
}

// memQueue is a heap of topics, the lowest key first. A topic may have been used since its key was set: whoever looks raises it.
type memQueue []*memTopic

func (q *memQueue) push(t *memTopic, key time.Duration) {
	t.key = key
	heap.Push((*memHeap)(q), t)
}

// remove reports whether t was in q. Only one queue has it at a time.
func (q *memQueue) remove(t *memTopic) bool {
	if t.index < 0 || t.index >= len(*q) || (*q)[t.index] != t {
		return false
	}
	heap.Remove((*memHeap)(q), t.index)
	return true
}

func (q *memQueue) rekey(t *memTopic, key time.Duration) {
	t.key = key
	heap.Fix((*memHeap)(q), t.index)
}

// memHeap implements [heap.Interface] for memQueue.
type memHeap []*memTopic

func (h memHeap) Len() int           { return len(h) }
func (h memHeap) Less(i, j int) bool { return h[i].key < h[j].key }
func (h memHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements [heap.Interface].
func (h *memHeap) Push(x any) {
	t := x.(*memTopic)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop implements [heap.Interface].
func (h *memHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.index = -1
	return t
}
