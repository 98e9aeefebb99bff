package natsbroker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/goquart/quart/hub"
)

// topic is one that this process subscribes to. It is guarded by Broker.mu.
type topic struct {
	token   string
	subject string // of the live messages
	nats    *nats.Subscription
	dropped int             // by nats, as far as that was noticed
	subs    []*subscription // replaced, never changed, so that the dispatcher can walk it without mu
}

// subscribe asks the server for the live messages in the current epoch.
func (t *topic) subscribe(b *Broker) (err error) {
	t.subject = b.epoch.live(t.token)
	t.dropped = 0
	t.nats, err = b.nc.ChanSubscribe(t.subject, b.incoming)
	return err
}

// unsubscribe is without error: on a closed connection there is nothing left to end.
func (t *topic) unsubscribe() { _ = t.nats.Unsubscribe() }

// subscription is one call of Subscribe. Messages come in two ways. Usually the server repeats each when it is stored, with its number and that
// of the one before it: fn gets it at once. If the one before was not seen, or the connection was away, a goroutine reads from the stream until
// fn has what the live messages announced.
type subscription struct {
	b     *Broker
	token string
	fn    func(hub.Pos, []byte)
	ctx   context.Context // done when it ends
	stop  context.CancelFunc

	mu      sync.Mutex // held while fn runs
	done    bool
	epoch   subjects
	seen    *highest
	alias   uint64        // in place of the epoch since messages were lost for this subscription
	last    uint64        // number of the last message that fn got, or all up to it are known to be old
	want    uint64        // the newest that was announced
	reading bool          // from the stream: live messages only announce
	again   bool          // there may be more than the reader found
	away    time.Duration // how long the connection was down, at most
	missed  bool          // misses was called since it was last caught up
}

// Subscribe implements [hub.Broker]. It waits for the server up to Config.Timeout; when it fails, fn may have been called. It costs one request to
// the server for each 250 messages or 1 MiB that it reads, usually one. Where the topic has more than twice Config.History (and more than 250), it first
// looks for the place where to begin, with some ten requests that read a message each, and reads up to twice Config.History from there.
//
// Someone without a position that is known gets Config.History messages; behind a position come all, up to Config.Backlog. recovered is true when the
// message at since is still there, or another subscription of this process has seen that it is the newest.
func (b *Broker) Subscribe(topic string, since hub.Pos, fn func(pos hub.Pos, msg []byte)) (cancel func(), recovered bool, err error) {
	s := &subscription{b: b, token: token(topic), fn: fn, reading: true}
	s.ctx, s.stop = context.WithCancel(b.ctx)
	if err := b.add(s); err != nil {
		s.stop()
		return nil, false, err
	}
	ctx, done := context.WithTimeout(s.ctx, b.config.Timeout)
	defer done()
	for pace := (pace{}); ; {
		recovered, err = s.begin(ctx, since)
		if err == nil {
			return s.cancel, recovered, nil
		}
		if !temporary(err) || pace.wait(ctx) != nil {
			s.cancel()
			return nil, false, fmt.Errorf("natsbroker: %w", err)
		}
	}
}

// add makes s known to the dispatcher. From here on it hears of all that is published.
func (b *Broker) add(s *subscription) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	s.epoch, s.seen = b.epoch, b.seen
	t := b.topics[s.token]
	if t == nil {
		t = &topic{token: s.token}
		if err := t.subscribe(b); err != nil {
			return fmt.Errorf("natsbroker: %w", err)
		}
		b.topics[s.token] = t
	}
	t.subs = append(slices.Clip(t.subs), s)
	return nil
}

// cancel ends s and waits for fn.
func (s *subscription) cancel() {
	s.b.remove(s)
	s.end()
}

func (b *Broker) remove(s *subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[s.token]
	if t == nil || !slices.Contains(t.subs, s) {
		return
	}
	t.subs = slices.DeleteFunc(slices.Clone(t.subs), func(other *subscription) bool { return other == s })
	if len(t.subs) == 0 {
		t.unsubscribe()
		delete(b.topics, s.token)
	}
}

func (s *subscription) end() {
	s.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
}

// subscriptions returns those of the topics that which says yes to.
func (b *Broker) subscriptions(which func(*topic) bool) (all []*subscription) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, t := range b.topics {
		if which(t) {
			all = append(all, t.subs...)
		}
	}
	return all
}

// dispatch hands out the live messages of all topics.
func (b *Broker) dispatch() {
	full := false
	for {
		select {
		case <-b.ctx.Done():
			return
		case m := <-b.incoming:
			full = full || len(b.incoming) >= cap(b.incoming)-1
			b.receive(m)
		}
		if full && len(b.incoming) == 0 {
			full = false
			select {
			case b.overflow <- struct{}{}:
			default: // watch will look in any case
			}
		}
	}
}

func (b *Broker) receive(m *nats.Msg) {
	seq, err1 := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
	before, err2 := strconv.ParseUint(m.Header.Get("Nats-Last-Sequence"), 10, 64)
	if err1 != nil || err2 != nil {
		return // not from the stream
	}
	b.mu.RLock()
	epoch := b.epoch
	var subs []*subscription
	if t := b.topics[m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]]; t != nil && t.subject == m.Subject {
		subs = t.subs
	}
	b.mu.RUnlock()
	for _, s := range subs {
		s.live(epoch, seq, before, m.Data)
	}
}

// live takes a message that was stored now, and the number of the one before it in the topic.
func (s *subscription) live(epoch subjects, seq, before uint64, msg []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.done || s.epoch != epoch || seq <= s.last:
	case s.reading || before > s.last:
		s.want = max(s.want, seq)
		s.read()
	default:
		s.deliver(seq, msg)
	}
}

// deliver calls fn. s.mu is held.
func (s *subscription) deliver(seq uint64, msg []byte) {
	s.last = seq
	s.seen.note(seq)
	pos := hub.Pos{Epoch: s.epoch.epoch, Seq: seq}
	if s.alias != 0 {
		pos.Epoch = s.alias
	}
	s.fn(pos, msg)
}

// catchUp reads what came while the connection was away.
func (s *subscription) catchUp(away time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again = true
	s.away = max(s.away, away)
	s.read()
}

// enter begins an epoch.
func (s *subscription) enter(epoch subjects, seen *highest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch, s.seen, s.alias, s.last, s.want, s.again = epoch, seen, 0, 0, 0, true
	s.read()
}

// misses notes that fn misses messages for good: from here on positions have an epoch that nobody knows. One outage counts once. s.mu is held.
func (s *subscription) misses(yes bool) {
	if !yes || s.missed {
		return
	}
	s.missed = true
	s.alias = rand.Uint64() | 1
	s.b.warnMissing(s.token)
}

// warnMissing logs at most a line in a second: after a long outage all topics are concerned.
func (b *Broker) warnMissing(token string) {
	n, last, now := b.missing.Add(1), b.warnedAt.Load(), time.Now().UnixNano()
	if now-last > int64(time.Second) && b.warnedAt.CompareAndSwap(last, now) {
		b.config.Log.Warn("natsbroker: a subscription was away for too long and misses messages", "topic", token, "subscriptions so far", n)
	}
}
