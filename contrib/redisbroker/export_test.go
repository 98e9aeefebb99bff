package redisbroker

import "time"

// NewTicking is New with another interval of the pings and of the look at silent topics.
func NewTicking(cfg Config, tick time.Duration) (*Broker, error) { return newBroker(cfg, tick) }

// MessageOf is what a payload of the channel says.
func MessageOf(payload string) (epoch, seq, prev uint64, msg string, ok bool) {
	l, ok := parseLive(payload)
	return l.pos.Epoch, l.pos.Seq, l.prev, l.msg, ok
}

// Keys are the names of a topic's stream and head.
func (b *Broker) Keys(topic string) (stream, head string) { return b.keys(topic) }

// Lanes is how many topics have something to send.
func (b *Broker) Lanes() int {
	b.pubMu.Lock()
	defer b.pubMu.Unlock()
	return len(b.lanes)
}

// Topics is how many topics are subscribed to.
func (b *Broker) Topics() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.topics)
}

// Queued is how many bytes wait for the topic's subscriptions.
func (b *Broker) Queued(topic string) (n int) {
	stream, _ := b.keys(topic)
	b.mu.Lock()
	subs := b.topics[stream].subs
	b.mu.Unlock()
	for _, s := range subs {
		s.mu.Lock()
		n += s.bytes
		s.mu.Unlock()
	}
	return n
}
