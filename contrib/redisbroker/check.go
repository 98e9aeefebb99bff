package redisbroker

import (
	"context"
	"time"

	"github.com/goquart/quart/hub"
	"github.com/redis/go-redis/v9"
)

// compare reads the heads of topics, and lets the subscriptions that are not there read their streams. It reports false if the server did not
// answer. A head is kept from expiring while somebody subscribes to its topic.
func (b *Broker) compare(topics []*topic) bool {
	now := time.Now()
	ctx, cancel := context.WithTimeout(b.ctx, callTimeout)
	defer cancel()
	pipe := b.client.Pipeline()
	heads := make([]*redis.SliceCmd, len(topics))
	for i, t := range topics {
		heads[i] = pipe.HMGet(ctx, t.head, "epoch", "seq")
		if b.touch(t, now) {
			pipe.PExpire(ctx, t.head, b.cfg.Remember)
		}
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	for i, t := range topics {
		head, err := heads[i].Result()
		if err != nil && transient(err) {
			return false
		}
		if err == nil && len(head) == 2 && head[0] != nil {
			if end, err := pos(head[0], head[1]); err == nil {
				b.compareTopic(t, end, now)
			}
		}
	}
	return true
}

// touch reports whether it is time to put off the expiry of t's head.
func (b *Broker) touch(t *topic, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(t.subs) == 0 || now.Sub(t.touched) < b.cfg.Remember/8 {
		return false
	}
	t.touched = now
	return true
}

// compareTopic compares the subscriptions of t with its last message.
func (b *Broker) compareTopic(t *topic, end hub.Pos, now time.Time) {
	b.mu.Lock()
	ps, subs := b.ps, t.subs
	b.mu.Unlock()
	missed := false
	for _, s := range subs {
		missed = s.compare(end) || missed
	}
	if b.deaf(t, end, missed, now) && ps != nil {
		b.cfg.Log.Warn("redisbroker: the channel is silent although messages are published; connecting again", "topic", t.name)
		_ = ps.Close()
	}
}

// deaf reports whether the channel has not brought, since the look before, a message that was in the stream then: it is the channel of another
// server than the stream's, of one that a replica has taken over from.
func (b *Broker) deaf(t *topic, end hub.Pos, missed bool, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !t.sure || now.Sub(t.checked) < b.tick/2 {
		return false
	}
	came := t.newest.Epoch == t.want.Epoch && t.newest.Seq >= t.want.Seq
	deaf := t.want != hub.Pos{} && t.want.Epoch == end.Epoch && !came
	t.want = hub.Pos{}
	if missed && t.silent {
		t.want = end
	}
	t.checked, t.silent = now, false
	return deaf
}
