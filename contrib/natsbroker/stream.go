package natsbroker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// errForeign is that of a stream which has our name and is not ours.
var errForeign = errors.New("there is a stream of this name with other subjects")

// stream returns the epoch of the stream, and makes the stream if it is not there. With configure, it gets the bounds of Config. If it still
// has the epoch old and the number of its last message is less than least, messages were lost whose numbers others will get: then it gets another epoch.
func (b *Broker) stream(ctx context.Context, configure bool, old subjects, least uint64) (subjects, error) {
	found, err := b.look(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		epoch := subjects{b.config.Subject, rand.Uint64() | 1} // never that of the zero Pos
		if _, err = b.js.CreateStream(ctx, b.config.streamConfig(epoch)); err == nil {
			return epoch, nil
		}
		// Another process may have been first, with another epoch.
		found, err = b.firstError(ctx, err)
	}
	if err != nil {
		return subjects{}, err
	}
	has := found.CachedInfo().Config
	epoch, ok := parseSubjects(b.config.Subject, has.Subjects)
	if !ok {
		return subjects{}, fmt.Errorf("%w: %q", errForeign, has.Subjects)
	}
	again := epoch == old && found.CachedInfo().State.LastSeq < least
	if again && b.config.Replicas > 1 {
		if again, err = b.stillBehind(ctx, least); err != nil {
			return subjects{}, err
		}
	}
	if again {
		epoch = epoch.next(found.CachedInfo().Created)
	}
	if want := b.config.streamConfig(epoch); again || configure && differs(&has, &want) {
		if _, err := b.js.UpdateStream(ctx, bounded(has, &want)); err != nil {
			return subjects{}, err
		}
	}
	return epoch, nil
}

// stillBehind looks again a second later: the leader of a cluster that has just been elected may still be reading what was committed.
func (b *Broker) stillBehind(ctx context.Context, least uint64) (bool, error) {
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-time.After(time.Second):
	}
	found, err := b.look(ctx)
	if err != nil {
		return false, err
	}
	return found.CachedInfo().State.LastSeq < least, nil
}

// look asks for the stream. A cluster that has no leader yet does not answer: then the next attempt may get one.
func (b *Broker) look(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	return b.js.Stream(ctx, b.config.Stream)
}

// firstError looks for the stream once more after it could not be created. If it is not there either, the error is why it could not be created.
func (b *Broker) firstError(ctx context.Context, created error) (jetstream.Stream, error) {
	found, err := b.look(ctx)
	if err != nil {
		return nil, created
	}
	return found, nil
}

func differs(has, want *jetstream.StreamConfig) bool {
	return has.MaxMsgsPerSubject != want.MaxMsgsPerSubject || has.MaxAge != want.MaxAge || has.MaxBytes != want.MaxBytes ||
		has.Replicas != want.Replicas || has.Duplicates != want.Duplicates || !has.AllowDirect ||
		has.RePublish == nil || *has.RePublish != *want.RePublish
}

// bounded is the configuration that the stream has, with what is ours to say from want.
func bounded(has jetstream.StreamConfig, want *jetstream.StreamConfig) jetstream.StreamConfig {
	has.Subjects, has.RePublish = want.Subjects, want.RePublish
	has.MaxMsgsPerSubject, has.MaxAge, has.MaxBytes = want.MaxMsgsPerSubject, want.MaxAge, want.MaxBytes
	has.Replicas, has.Duplicates, has.AllowDirect = want.Replicas, want.Duplicates, true
	return has
}

// refresh looks what became of the stream that had the epoch old, and makes a new one if it is gone. One caller does, the others wait for it.
// lost is whether it is known to have lost messages.
func (b *Broker) refresh(ctx context.Context, old subjects, lost bool) error {
	b.refreshing.Lock()
	defer b.refreshing.Unlock()
	now, seen, err := b.current()
	if err != nil || now != old {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.config.Timeout)
	defer cancel()
	least := seen.Load()
	if lost {
		least = math.MaxUint64
	}
	epoch, err := b.stream(ctx, false, old, least)
	if err != nil {
		return err
	}
	if epoch != old {
		b.config.Log.Warn("natsbroker: the stream lost its messages, a new epoch begins", "stream", b.config.Stream)
		b.enter(epoch)
	}
	return nil
}

// enter begins an epoch: every subscription starts with its first message.
func (b *Broker) enter(epoch subjects) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.epoch, b.seen = epoch, new(highest)
	for _, t := range b.topics {
		t.unsubscribe()
		if err := t.subscribe(b); err != nil {
			b.config.Log.Error("natsbroker: subscribe", "error", err) // only a closed connection fails
		}
		for _, s := range t.subs {
			s.enter(epoch, b.seen)
		}
	}
}

// checkEvery is how often the stream is looked at, in case that somebody deleted it, and for a clock of what is surely known.
func (c *Config) checkEvery() time.Duration {
	if c.Keep == 0 {
		return 5 * time.Second
	}
	return min(5*time.Second, c.Keep/4)
}

// watch notices that the server is back, and that the stream is gone.
func (b *Broker) watch() {
	tick := time.NewTicker(b.config.checkEvery())
	defer tick.Stop()
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-b.statuses:
			b.back()
		case <-b.overflow:
			b.checkDropped()
		case <-tick.C:
			if !b.nc.IsConnected() {
				continue
			}
			if epoch, _, err := b.current(); err == nil && b.refresh(b.ctx, epoch, false) == nil {
				b.alive()
			}
			b.checkDropped()
		}
	}
}

// back lets all subscriptions read what they missed while the connection was away.
func (b *Broker) back() {
	for pace := (pace{}); ; {
		epoch, _, err := b.current()
		if err != nil {
			return
		}
		if err = b.refresh(b.ctx, epoch, false); err == nil {
			break
		}
		if pace.wait(b.ctx) != nil {
			return
		}
	}
	b.config.Log.Info("natsbroker: the server is back", "server", b.nc.ConnectedUrlRedacted())
	away := b.sinceAlive()
	b.alive()
	for _, s := range b.subscriptions(func(*topic) bool { return true }) {
		s.catchUp(away)
	}
}

// checkDropped lets those topics catch up of which messages found no place in the client's queue.
func (b *Broker) checkDropped() {
	late := b.subscriptions(func(t *topic) bool {
		dropped, err := t.nats.Dropped()
		if err != nil || dropped == t.dropped {
			return false
		}
		t.dropped = dropped // only this goroutine reads and writes it, but for t.subscribe, which excludes it by mu
		return true
	})
	for _, s := range late {
		s.catchUp(0)
	}
}
