package redisbroker

import (
	"context"
	"fmt"
	"time"

	"github.com/goquart/quart/hub"
)

// lane is what one topic has to send. Its batches go one after the other: so the server needs to remember no more than the last of each writer to
// know one that it had already, and what gathers meanwhile goes out together.
type lane struct {
	topic string
	queue []*publication
}

// publication is one message on its way. pubMu guards what is not constant.
type publication struct {
	msg  []byte
	done chan struct{} // closed when pos and err are there
	pos  hub.Pos
	err  error

	gone bool  // nobody waits for it any more
	last error // of the latest try that failed
}

// Publish implements [hub.Broker]. It returns when the server has the message. While it cannot be reached, Publish waits: until ctx is done, with its
// error, or until Config.Timeout has passed, with [ErrUnavailable]. Then the message may still arrive, once. Errors of the server that would not
// pass (out of memory, missing rights) are returned at once. msg is copied.
//
// Publications of a topic, in one process, arrive in the order of the calls.
func (b *Broker) Publish(ctx context.Context, topic string, msg []byte) (hub.Pos, error) {
	if err := ctx.Err(); err != nil {
		return hub.Pos{}, err
	}
	p := &publication{msg: append([]byte{}, msg...), done: make(chan struct{})}
	if !b.enqueue(topic, p) {
		return hub.Pos{}, ErrClosed
	}
	timer := time.NewTimer(b.cfg.Timeout)
	defer timer.Stop()
	select {
	case <-p.done:
		return p.pos, p.err
	case <-ctx.Done():
		return hub.Pos{}, b.giveUp(p, ctx.Err())
	case <-timer.C:
		return hub.Pos{}, b.giveUp(p, ErrUnavailable)
	}
}

// enqueue adds p to the topic's lane, and starts that if need be. It reports false when the broker is closed.
func (b *Broker) enqueue(topic string, p *publication) bool {
	b.pubMu.Lock()
	defer b.pubMu.Unlock()
	if b.shut {
		return false
	}
	l := b.lanes[topic]
	if l == nil {
		l = &lane{topic: topic}
		b.lanes[topic] = l
		b.wg.Go(func() { b.drain(l) })
	}
	l.queue = append(l.queue, p)
	return true
}

// giveUp marks p as one that nobody waits for. Unless it is in a batch already, it will not be sent.
func (b *Broker) giveUp(p *publication, why error) error {
	b.pubMu.Lock()
	defer b.pubMu.Unlock()
	p.gone = true
	p.msg = nil // a batch has its own reference
	if p.last == nil {
		return fmt.Errorf("redisbroker: publish: %w", why)
	}
	return fmt.Errorf("redisbroker: publish: %w: %w", why, p.last)
}

// drain sends what is in the lane until nothing is left.
func (b *Broker) drain(l *lane) {
	stream, head := b.keys(l.topic)
	for {
		batch, msgs := b.nextBatch(l)
		if len(batch) == 0 {
			return
		}
		first, err := b.send(stream, head, batch, msgs)
		for i, p := range batch {
			if err == nil {
				p.pos = hub.Pos{Epoch: first.Epoch, Seq: first.Seq + uint64(i)}
			}
			p.err = err
			close(p.done)
		}
	}
}

// nextBatch takes the next messages out of the lane. Without any it removes the lane.
func (b *Broker) nextBatch(l *lane) (batch []*publication, msgs [][]byte) {
	b.pubMu.Lock()
	defer b.pubMu.Unlock()
	n, bytes := 0, 0
	for _, p := range l.queue {
		if !p.gone {
			if len(batch) == maxBatch || len(batch) > 0 && bytes+len(p.msg) > maxBatchBytes {
				break
			}
			batch, msgs = append(batch, p), append(msgs, p.msg)
			bytes += len(p.msg)
		}
		n++
	}
	clear(l.queue[:n]) // the array lives on
	if l.queue = l.queue[n:]; len(l.queue) == 0 {
		l.queue = nil
	}
	if len(batch) == 0 {
		delete(b.lanes, l.topic)
	}
	return batch, msgs
}

// send tries until the server has the batch, nobody waits for it any more, or the error is one that stays. Each try is of the same number and
// messages.
func (b *Broker) send(stream, head string, batch []*publication, msgs [][]byte) (hub.Pos, error) {
	number := b.batches.Add(1)
	for tries := 0; ; tries++ {
		first, err := b.runPublish(stream, head, number, msgs)
		switch {
		case err == nil:
			return first, nil
		case b.ctx.Err() != nil:
			return hub.Pos{}, ErrClosed
		case !transient(err):
			return hub.Pos{}, fmt.Errorf("redisbroker: publish: %w", err)
		}
		if !b.awaited(batch, err) {
			return hub.Pos{}, err
		}
		if !b.sleep(backoff(tries)) {
			return hub.Pos{}, ErrClosed
		}
	}
}

// awaited reports whether somebody still waits for one of batch, and tells all of them about the latest error.
func (b *Broker) awaited(batch []*publication, err error) bool {
	b.pubMu.Lock()
	defer b.pubMu.Unlock()
	some := false
	for _, p := range batch {
		p.last = err
		some = some || !p.gone
	}
	return some
}
