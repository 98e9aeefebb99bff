package redisbroker

import (
	"time"

	"github.com/goquart/quart/hub"
	"github.com/redis/go-redis/v9"
)

const (
	// What one command or pipeline holds.
	maxChannels = 1000
	maxHeads    = 256
	// maxSilent is how many silent topics are looked at in one checkInterval.
	maxSilent = 1000
)

// receive reads the channels of all topics, over one connection, and makes a new one when that is lost.
func (b *Broker) receive() {
	lost := false
	for tries := 0; ; {
		ps, channels := b.connect()
		if ps == nil {
			select {
			case <-b.wake:
				continue
			case <-b.ctx.Done():
				return
			}
		}
		got, err := b.listen(ps, channels, lost)
		_ = ps.Close()
		b.disconnected(ps)
		if b.ctx.Err() != nil {
			return
		}
		if got {
			tries, lost = 0, false
		}
		if !lost {
			b.cfg.Log.Warn("redisbroker: connection lost", "error", err)
			lost = true
		}
		if !b.sleep(backoff(tries)) {
			return
		}
		tries++
	}
}

// connect prepares a connection for all topics there are, nil if there is none.
func (b *Broker) connect() (ps *redis.PubSub, channels []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || len(b.topics) == 0 {
		return nil, nil
	}
	for name, t := range b.topics {
		t.asked = true
		channels = append(channels, name)
	}
	b.ps = b.client.Subscribe(b.ctx)
	b.heard.Store(int64(time.Since(b.start)))
	return b.ps, channels
}

// disconnected makes the topics wait for the next connection.
func (b *Broker) disconnected(ps *redis.PubSub) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ps == ps {
		b.ps = nil
	}
	for _, t := range b.topics {
		t.asked = false
		if t.sure {
			t.sure, t.ready = false, make(chan struct{})
		}
	}
}

// listen reads from the connection until it fails. got is false if it never worked.
func (b *Broker) listen(ps *redis.PubSub, channels []string, lost bool) (got bool, err error) {
	for len(channels) > 0 {
		n := min(len(channels), maxChannels)
		if err := ps.Subscribe(b.ctx, channels[:n]...); err != nil {
			return got, err
		}
		channels = channels[n:]
	}
	for {
		// No timeout here: one in the middle of a message would make something else of what follows. steer pings, and closes a connection that is dead.
		msg, err := ps.Receive(b.ctx)
		if err != nil {
			return got, err
		}
		if !got && lost {
			b.cfg.Log.Info("redisbroker: connected again")
		}
		got = true
		b.heard.Store(int64(time.Since(b.start)))
		switch msg := msg.(type) {
		case *redis.Message:
			b.dispatch(msg.Channel, msg.Payload)
		case *redis.Subscription:
			if msg.Kind == "subscribe" {
				b.confirmed(msg.Channel)
			}
		}
	}
}

// dispatch hands a message to the subscriptions of its topic.
func (b *Broker) dispatch(channel, payload string) {
	l, ok := parseLive(payload)
	if !ok {
		return // not ours
	}
	b.mu.Lock()
	t := b.topics[channel]
	var subs []*subscription
	if t != nil {
		subs = t.subs
		t.fresh, t.newest = true, l.pos
	}
	b.mu.Unlock()
	for _, s := range subs {
		s.push(l)
	}
}

// confirmed opens a topic: what is published from now on comes over the connection. What came before may have been missed.
func (b *Broker) confirmed(channel string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[channel]
	if t == nil {
		return
	}
	t.newest, t.want, t.silent = hub.Pos{}, hub.Pos{}, false
	b.doubt = append(b.doubt, t)
	signal(b.kick)
	if !t.sure {
		t.sure = true
		close(t.ready)
	}
}

// steer subscribes and unsubscribes, and looks for what was missed.
func (b *Broker) steer() {
	ticker := time.NewTicker(b.tick)
	defer ticker.Stop()
	var again <-chan time.Time
	for tries := 0; ; {
		select {
		case <-b.ctx.Done():
			return
		case <-b.kick:
			b.subscribeNew()
		case <-again:
		case <-ticker.C:
			b.unsubscribeIdle()
			b.ping()
			b.doubtSilent()
		}
		again = nil
		if b.settleDoubts() {
			tries = 0
			continue
		}
		again = time.After(backoff(tries))
		tries++
	}
}

// subscribeNew asks for the channels of topics that came since the connection was made.
func (b *Broker) subscribeNew() {
	b.mu.Lock()
	ps := b.ps
	var channels []string
	for name, t := range b.topics {
		if ps != nil && !t.asked && len(channels) < maxChannels {
			t.asked = true
			channels = append(channels, name)
		}
	}
	b.mu.Unlock()
	if len(channels) == maxChannels {
		signal(b.kick) // there may be more
	}
	if len(channels) > 0 && ps.Subscribe(b.ctx, channels...) != nil {
		_ = ps.Close() // receive makes another one, for all
	}
}

// unsubscribeIdle drops the topics that have no subscriptions any more.
func (b *Broker) unsubscribeIdle() {
	b.mu.Lock()
	ps := b.ps
	var channels []string
	for name, t := range b.topics {
		if len(t.subs) > 0 {
			continue
		}
		delete(b.topics, name)
		if t.asked && ps != nil {
			channels = append(channels, name)
		}
	}
	b.mu.Unlock()
	if len(channels) > 0 && ps.Unsubscribe(b.ctx, channels...) != nil {
		_ = ps.Close()
	}
}

// ping makes the server say something, and ends a connection that has been silent although it was asked to.
func (b *Broker) ping() {
	b.mu.Lock()
	ps := b.ps
	b.mu.Unlock()
	if ps == nil {
		return
	}
	if time.Since(b.start)-time.Duration(b.heard.Load()) > 5*b.tick/2 || ps.Ping(b.ctx) != nil {
		_ = ps.Close()
	}
}

// doubtSilent has the topics compared that nothing was heard of for a while: the connection may be one to a server that is out of work.
func (b *Broker) doubtSilent() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, n := time.Now(), 0
	for _, t := range b.topics {
		if t.fresh || !t.sure {
			t.fresh = false
			continue
		}
		if n < maxSilent && now.Sub(t.checked) >= b.tick/2 {
			n++
			t.silent = true
			b.doubt = append(b.doubt, t)
		}
	}
}

// settleDoubts compares topics with their heads. It reports false if some are left because the server did not answer.
func (b *Broker) settleDoubts() bool {
	b.mu.Lock()
	all := b.doubt
	b.doubt = nil
	b.mu.Unlock()
	for len(all) > 0 {
		n := min(len(all), maxHeads)
		if !b.compare(all[:n]) {
			b.mu.Lock()
			b.doubt = append(b.doubt, all...)
			b.mu.Unlock()
			return false
		}
		all = all[n:]
	}
	return true
}
