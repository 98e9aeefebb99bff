package hub

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goquart/quart"
)

// Config holds a hub's options. Its zero value is production-ready; negative is off, or no limit.
type Config struct {
	// Broker carries messages to the hubs of other processes. Default: a Memory of the hub's own, with History, HistoryBytes and Keep.
	Broker Broker

	// What is kept for those that come back. Where a topic gets its first member that is read from the broker: one that is set above should keep as much.
	History      int           // 128 messages of each topic for those that come back
	HistoryBytes int           // 4 MiB of them; a Memory of the hub's own has its own copy
	Keep         time.Duration // 2 min for each message

	// Topics is how many topics may have members at a time in this process: 100,000. One more is ErrTopics.
	Topics int
	// Present is how many are present in a topic, at most: 1,000. One more is a member as others are, but not listed and not told of. Other
	// processes see who takes the place of one that left 20 s later at times.
	Present int

	// Authorize, if set, is asked before a member joins, and by Relay before each message that it publishes. Its error is returned to who
	// joins: quart.ErrForbidden, for one. It may use the hub.
	Authorize func(a Access) error
	// OnPresence, if set, is called when somebody comes to a topic or leaves it, in this process or another, while presence is used here
	// (see Topic.Present): for a topic, one call at a time. It may use the hub.
	OnPresence func(e Presence)

	JSON quart.JSONCodec // of PublishJSON. Default: as quart.Config.JSON
	Log  *slog.Logger    // default: slog.Default()
}

// Access is what Config.Authorize decides about.
type Access struct {
	Topic  string
	Action Action
	As     string     // Options.As
	Live   quart.Live // who asks; nil in Topic.SSE, where the stream does not exist yet
	// Scope is what the typed keys of the request are read from: User.Get(a.Scope). It is the *quart.Ctx in Topic.SSE, Live otherwise, and
	// nil if that is neither a Socket nor an EventStream.
	Scope quart.Scope
}

// Action is what somebody wants to do with a topic.
type Action int

const (
	Join    Action = iota // to become a member
	Publish               // to have Relay publish a message
)

const (
	defaultHistory = 128
	defaultBytes   = 4 << 20
	defaultKeep    = 2 * time.Minute
	defaultTopics  = 100_000
	defaultPresent = 1_000

	maxIdle   = 1_000           // topics without members whose history is kept, and as many whose presence is
	maxLinger = 2 * time.Minute // for that long
)

// Hub is the topics of a process. The zero value works, in one process. A Hub must not be copied; its methods are safe for concurrent use.
//
// It has no goroutine of its own: one runs while messages are being delivered, and a timer while there are topics. What is kept of a topic
// without members is freed after at most 3 minutes, for 1,000 of them at most.
type Hub struct {
	cfg    Config
	limits limits
	broker Broker
	alone  bool // nobody else has the broker
	setup  sync.Once
	tasks  tasks

	// Lock order: no lock is taken with another one held, but that of tasks. No code of others, a Live's or the broker's or a hook, runs
	// with any of them held.
	mu        sync.Mutex
	rooms     map[string]*room
	idle      list.List // of rooms without members, longest first
	presences map[string]*attendance
	unused    list.List   // of attendances without members, longest first
	sweeper   *time.Timer // nil while there are no rooms
	beater    *time.Timer // nil while there are no presences
	closed    bool

	awayAt, backAt atomic.Int64 // when it was logged that the broker is away, or back, Unix time in nanoseconds

	counters
}

// counters are of a hub or of a room.
type counters struct {
	members                                 atomic.Int64
	published, received, delivered, dropped atomic.Uint64
}

// New returns a hub.
func New(cfg Config) *Hub {
	h := &Hub{cfg: cfg}
	h.init()
	return h
}

// init makes the zero value usable.
func (h *Hub) init() {
	h.setup.Do(func() {
		c := &h.cfg
		orDefault(&c.History, defaultHistory)
		orDefault(&c.HistoryBytes, defaultBytes)
		orDefault(&c.Keep, defaultKeep)
		orDefault(&c.Topics, defaultTopics)
		orDefault(&c.Present, defaultPresent)
		if c.JSON == nil {
			c.JSON = jsonCodec{}
		}
		if c.Log == nil {
			c.Log = slog.Default()
		}
		h.limits = limits{c.History, c.HistoryBytes, c.Keep}
		if h.limits.bytes == 0 {
			h.limits.bytes = int(^uint(0) >> 1)
		}
		h.rooms, h.presences = map[string]*room{}, map[string]*attendance{}
		if h.broker = c.Broker; h.broker == nil {
			h.alone = true
			h.broker = NewMemory(MemoryConfig{History: orOff(c.History), Bytes: orOff(c.HistoryBytes), Keep: orOff(c.Keep)})
		}
	})
}

// orDefault replaces zero by the default and negatives by zero, which is off from here on.
func orDefault[T int | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
	*v = max(*v, 0)
}

// orOff is the inverse.
func orOff[T int | time.Duration](v T) T {
	if v == 0 {
		return -1
	}
	return v
}

// Serve is for App.WhileServing: the hub is closed when the app has stopped serving.
//
//	app.WhileServing(h.Serve)
func (h *Hub) Serve(context.Context) (stop func(context.Context) error, err error) {
	return h.Close, nil
}

// Close makes all members leave, which does not close their connections, tells other processes that nobody is present here any more, ends
// the subscriptions and waits for what is under way, at most until ctx is done: the error is that of ctx then. From now on Join, Publish
// and the like return an error that is quart.ErrClosed. The broker stays open: it belongs to who made it.
func (h *Hub) Close(ctx context.Context) error {
	h.init()
	h.mu.Lock()
	h.closed = true
	for h.evict() {
	}
	rooms := slices.Collect(maps.Values(h.rooms))
	presences := h.presences
	h.presences = map[string]*attendance{}
	h.unused.Init()
	for _, t := range []*time.Timer{h.sweeper, h.beater} {
		if t != nil {
			t.Stop()
		}
	}
	h.mu.Unlock()
	for _, a := range presences {
		a.close()
	}
	for _, r := range rooms {
		r.empty()
	}
	if err := h.tasks.wait(ctx); err != nil {
		return fmt.Errorf("hub: close: %w", err)
	}
	return nil
}

var errClosed = fmt.Errorf("hub: it is closed: %w", quart.ErrClosed)

// Stats are counts of a hub or of a topic in this process.
type Stats struct {
	Topics    int    // with members, or whose history is kept
	Members   int    // now
	Published uint64 // by this process
	Received  uint64 // from the broker: those of all processes
	Delivered uint64 // messages times members
	Dropped   uint64 // refused by a member's Post: it was gone, or closed for being too slow
}

func (c *counters) stats(topics int) Stats {
	return Stats{
		Topics: topics, Members: int(c.members.Load()), Published: c.published.Load(),
		Received: c.received.Load(), Delivered: c.delivered.Load(), Dropped: c.dropped.Load(),
	}
}

// Stats returns the counts of all topics since the hub was made.
func (h *Hub) Stats() Stats {
	h.init()
	h.mu.Lock()
	n := len(h.rooms)
	h.mu.Unlock()
	return h.counters.stats(n)
}

// ---- rooms ----

// lookup returns the room of that name, nil if there is none.
func (h *Hub) lookup(key string) *room {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[key]
}

// acquire returns the room of that name, and makes it if there is none. It stays until release.
func (h *Hub) acquire(key string) (*room, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errClosed
	}
	r := h.rooms[key]
	if r == nil {
		if h.cfg.Topics > 0 && len(h.rooms) >= h.cfg.Topics && !h.evict() {
			return nil, ErrTopics
		}
		r = newRoom(h, key)
		h.rooms[key] = r
		h.tasks.begin() // until its subscription has ended, which may be only about to begin
		if h.sweeper == nil {
			h.sweeper = time.AfterFunc(h.linger()/2, h.sweep)
		}
	}
	if r.idle != nil {
		h.idle.Remove(r.idle)
		r.idle = nil
	}
	r.refs++
	return r, nil
}

// open sees to it that a room of that name is subscribed to its topic, for a member who is about to come.
func (h *Hub) open(key string, done func() <-chan struct{}) error {
	r, err := h.acquire(key)
	if err != nil {
		return err
	}
	defer h.release(r)
	if err := r.subscribe(done); err != nil {
		return err
	}
	r.expected.Store(true)
	return nil
}

// release gives back what acquire returned.
func (h *Hub) release(r *room) {
	used := r.expected.Swap(false) || r.used()
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.refs--; r.refs > 0 {
		return
	}
	if h.closed || !used {
		h.remove(r)
		return
	}
	r.idleSince = time.Now()
	r.idle = h.idle.PushBack(r)
	if h.idle.Len() > maxIdle {
		h.evict()
	}
}

// evict removes the room that had no members for the longest time. It reports false if all have. mu is held.
func (h *Hub) evict() bool {
	oldest := h.idle.Front()
	if oldest == nil {
		return false
	}
	h.remove(h.idle.Remove(oldest).(*room))
	return true
}

// remove forgets a room without members, and ends its subscription. Brokers may take their time for that. mu is held.
func (h *Hub) remove(r *room) {
	r.idle = nil
	delete(h.rooms, r.key)
	go func() {
		defer h.tasks.done()
		r.unsubscribe()
	}()
}

// linger is how long a room without members stays.
func (h *Hub) linger() time.Duration {
	if h.cfg.Keep == 0 {
		return maxLinger
	}
	return min(max(h.cfg.Keep, time.Second), maxLinger)
}

// sweep removes rooms without members, and frees old messages of the others.
func (h *Hub) sweep() {
	now := time.Now()
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	for e := h.idle.Front(); e != nil && now.Sub(e.Value.(*room).idleSince) >= h.linger(); e = h.idle.Front() {
		h.evict()
	}
	rooms := slices.Collect(maps.Values(h.rooms))
	if h.sweeper = nil; len(rooms) > 0 {
		h.sweeper = time.AfterFunc(h.linger()/2, h.sweep)
	}
	h.mu.Unlock()
	for _, r := range rooms {
		r.expire(now)
	}
}

// ---- goroutines ----

// tasks are what Close waits for: the goroutines of a hub, each of which ends by itself, and its rooms.
type tasks struct {
	mu      sync.Mutex
	running int
	quiet   chan struct{} // closed when none runs, if somebody waits
}

func (t *tasks) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running++
}

func (t *tasks) start(f func()) {
	t.begin()
	go func() {
		defer t.done()
		f()
	}()
}

func (t *tasks) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running--; t.running == 0 && t.quiet != nil {
		close(t.quiet)
		t.quiet = nil
	}
}

// wait returns when none runs.
func (t *tasks) wait(ctx context.Context) error {
	t.mu.Lock()
	if t.running == 0 {
		t.mu.Unlock()
		return nil
	}
	if t.quiet == nil {
		t.quiet = make(chan struct{})
	}
	quiet := t.quiet
	t.mu.Unlock()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// left reports whether an error of Post says that the connection is over.
func left(err error) bool {
	return errors.Is(err, quart.ErrClosed) || errors.Is(err, quart.ErrQueueFull)
}
