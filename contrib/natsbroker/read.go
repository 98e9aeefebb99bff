package natsbroker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/goquart/quart/hub"
)

// stored is a message of the stream.
type stored struct {
	seq  uint64
	left int // how many of the topic are behind it
	msg  []byte
}

// begin delivers the history, and lets the live messages in behind it.
func (s *subscription) begin(ctx context.Context, since hub.Pos) (recovered bool, err error) {
	s.mu.Lock()
	epoch := s.epoch
	s.mu.Unlock()
	if err := s.askLeader(ctx, epoch); err != nil {
		return false, err
	}
	var history []stored
	last := uint64(0)
	if since.Epoch == epoch.epoch && since.Seq > 0 {
		if history, recovered, err = s.behind(ctx, epoch, since.Seq); err != nil {
			return false, err
		}
		last = since.Seq
	}
	if !recovered {
		recovered = since == hub.Pos{}
		last = 0
		if history, err = s.newest(ctx, epoch, s.b.config.History); err != nil {
			return false, err
		}
	}
	s.mu.Lock()
	if s.epoch != epoch {
		s.mu.Unlock()
		return s.begin(ctx, since) // the stream was made anew meanwhile
	}
	s.again = false
	s.last = max(s.last, last)
	for _, m := range history {
		if m.seq > s.last && !s.done {
			s.deliver(m.seq, m.msg)
		}
	}
	s.reading = s.want > s.last
	behind := s.reading
	s.mu.Unlock()
	if behind {
		err = s.readOn(ctx)
	}
	return recovered, err
}

// behind returns the messages behind seq, if it is known that none of them is missing: the oldest of a topic go first.
func (s *subscription) behind(ctx context.Context, epoch subjects, seq uint64) (all []stored, ok bool, err error) {
	ok = s.b.isNewest(s.token, epoch, seq)
	first := true
	err = s.b.fetch(ctx, epoch, s.token, seq, func(m stored) bool {
		if first {
			first = false
			ok = m.seq == seq || ok && m.left+1 < s.b.config.Backlog
		}
		if m.seq > seq {
			all = append(all, m)
		}
		return ok
	})
	return all, ok, err
}

// isNewest reports whether a subscription of this process has seen that seq was the newest message of a topic. What came behind it then is there.
func (b *Broker) isNewest(token string, epoch subjects, seq uint64) bool {
	if b.config.Keep > 0 && b.sinceAlive() >= b.config.Keep {
		return false
	}
	for _, s := range b.subscriptionsOf(token) {
		s.mu.Lock()
		yes := !s.reading && s.alias == 0 && s.epoch == epoch && s.last == seq
		s.mu.Unlock()
		if yes {
			return true
		}
	}
	return false
}

func (b *Broker) subscriptionsOf(token string) []*subscription {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if t := b.topics[token]; t != nil {
		return t.subs
	}
	return nil
}

// newest returns the last n messages of the topic.
func (s *subscription) newest(ctx context.Context, epoch subjects, n int) (all []stored, err error) {
	enough, oldest := max(2*n, batch), uint64(0)
	collect := func(m stored) bool {
		if len(all) == 2*n { // dropped in blocks, so that nothing is moved at each message
			all = slices.Delete(all, 0, n)
		}
		all = append(all, m)
		return true
	}
	err = s.b.fetch(ctx, epoch, s.token, 1, func(m stored) bool {
		if len(all) == 0 && m.left >= enough { // the backlog is much longer: not all of it is read for its end
			oldest = m.seq
			return false
		}
		return collect(m)
	})
	if err == nil && oldest > 0 {
		var from uint64
		if from, err = s.b.nearEnd(ctx, epoch, s.token, oldest, n, enough); err == nil {
			err = s.b.fetch(ctx, epoch, s.token, from, collect)
		}
	}
	return all[max(0, len(all)-n):], err
}

// nearEnd returns a number from which on the topic has n messages or more, but not more than enough, unless they come meanwhile. From low on
// there are more.
func (b *Broker) nearEnd(ctx context.Context, epoch subjects, token string, low uint64, n, enough int) (uint64, error) {
	found, err := b.look(ctx)
	if err != nil {
		return 0, err
	}
	high := found.CachedInfo().State.LastSeq + 1 // from here on there are fewer than n
	for low+1 < high {
		mid := low + (high-low)/2
		var m stored
		if _, err := b.fetchBatch(ctx, epoch.stored(token), mid, 1, func(next stored) bool { m = next; return false }); err != nil {
			return 0, err
		}
		switch {
		case m.seq == 0 || m.left+1 < n:
			high = mid
		case m.left >= enough:
			low = m.seq
		default:
			return m.seq, nil
		}
	}
	return low, nil
}

// read starts the goroutine that reads, unless one does. s.mu is held.
func (s *subscription) read() {
	if s.reading || s.done {
		return
	}
	s.reading = true
	s.b.wg.Go(func() {
		for pace := (pace{}); s.readInTurn() != nil && pace.wait(s.ctx) == nil; {
		}
	})
}

// readInTurn is readOn by a few at a time.
func (s *subscription) readInTurn() error {
	select {
	case s.b.catchUps <- struct{}{}:
		defer func() { <-s.b.catchUps }()
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
	return s.readOn(s.ctx)
}

// readOn delivers from the stream until nothing is left there and all that was announced was delivered.
func (s *subscription) readOn(ctx context.Context) error {
	for tries, pace := 0, (pace{}); ; tries++ {
		s.mu.Lock()
		epoch, from, want := s.epoch, s.last, s.want
		s.again = false
		s.mu.Unlock()
		if err := s.askLeader(ctx, epoch); err != nil {
			return err
		}
		first, sure := true, false
		err := s.b.fetch(ctx, epoch, s.token, max(from, 1), func(m stored) bool {
			if first {
				first = false
				sure = m.seq == from || !s.mayMiss(m.left+1)
			}
			return s.take(epoch, m, sure)
		})
		if err != nil {
			return err
		}
		if first {
			sure = !s.mayMiss(0)
		}
		if s.caughtUp(epoch, want, tries, sure) {
			return nil
		}
		if tries > 0 {
			if err := pace.wait(ctx); err != nil {
				return err
			}
		}
	}
}

// mayMiss reports whether messages can have gone unseen when the one is gone that was delivered last, and found are there behind it. While that one
// is still there nothing is missing, for the oldest of a topic go first.
func (s *subscription) mayMiss(found int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.b.config
	return found >= c.Backlog || found > 0 && c.MaxBytes > 0 || c.Keep > 0 && s.away >= c.Keep
}

// take delivers a message that was read from the stream. sure is whether none in front of it is missing.
func (s *subscription) take(epoch subjects, m stored, sure bool) (goOn bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done || s.epoch != epoch {
		return false
	}
	if m.seq > s.last {
		s.misses(!sure)
		s.deliver(m.seq, m.msg)
	}
	return true
}

// caughtUp lets the live messages in, if everything up to want was delivered. A message that was announced and cannot be found is given some time,
// for one of the servers may have it later than another; then it is gone.
func (s *subscription) caughtUp(epoch subjects, want uint64, tries int, sure bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.done:
		return true
	case s.epoch != epoch || s.again || s.want > want && s.want > s.last:
		return false
	case s.want > s.last && tries < 10:
		return false
	case s.want > s.last:
		s.last = s.want
		s.misses(true)
	default:
		s.misses(!sure)
	}
	s.reading, s.away, s.missed = false, 0, false
	return true
}

// askLeader notes the number of the topic's newest message where more than one server has the stream: the one that answers reads may not
// have it yet.
func (s *subscription) askLeader(ctx context.Context, epoch subjects) error {
	if s.b.config.Replicas < 2 {
		return nil
	}
	body, _ := json.Marshal(map[string]string{"last_by_subj": epoch.stored(s.token)})
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	m, err := s.b.nc.RequestWithContext(ctx, s.b.api+"STREAM.MSG.GET."+s.b.config.Stream, body)
	if err != nil {
		return err
	}
	var answer struct {
		Error   *struct{ Code int } `json:"error"`
		Message struct {
			Seq uint64 `json:"seq"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return fmt.Errorf("the newest message: %w", err)
	}
	if answer.Error != nil && answer.Error.Code != 404 {
		return fmt.Errorf("the newest message: code %d", answer.Error.Code)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch == epoch {
		s.want = max(s.want, answer.Message.Seq)
	}
	return nil
}

// batch and batchBytes bound what one request reads.
const (
	batch      = 250
	batchBytes = 1 << 20
)

// fetch calls visit with each message of a topic from the number from on, until it says no or there are none left.
func (b *Broker) fetch(ctx context.Context, epoch subjects, token string, from uint64, visit func(stored) (goOn bool)) error {
	for {
		next, err := b.fetchBatch(ctx, epoch.stored(token), from, batch, visit)
		if err != nil || next == 0 {
			return err
		}
		from = next
	}
}

// fetchBatch makes one direct get request for up to n messages, which any server with the stream answers without a consumer. next is where to go
// on, 0 for nowhere.
func (b *Broker) fetchBatch(ctx context.Context, subject string, from uint64, n int, visit func(stored) (goOn bool)) (next uint64, err error) {
	if err := b.connected(); err != nil {
		return 0, err
	}
	inbox := b.nc.NewInbox()
	answers := make(chan *nats.Msg, n+1) // a NextMsg subscription would have half a megabyte
	asking, err := b.nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return 0, err
	}
	defer func() { _ = asking.Unsubscribe() }()
	body := fmt.Appendf(nil, `{"seq":%d,"next_by_subj":%q,"batch":%d,"max_bytes":%d}`, from, subject, n, batchBytes)
	if err := b.nc.PublishRequest(b.api+"DIRECT.GET."+b.config.Stream, inbox, body); err != nil {
		return 0, err
	}
	last := uint64(0)
	for {
		m, err := nextAnswer(ctx, answers)
		if err != nil {
			return 0, err
		}
		switch status := m.Header.Get("Status"); status {
		case "":
		case "204":
			if left := m.Header.Get("Nats-Num-Pending"); left != "0" && last > 0 {
				return last + 1, nil
			}
			return 0, nil
		case "404":
			return 0, nil
		case "503":
			return 0, nats.ErrNoResponders
		default:
			return 0, fmt.Errorf("reading the stream: %s %s", status, m.Header.Get("Description"))
		}
		seq, err1 := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		before, err2 := strconv.ParseUint(m.Header.Get("Nats-Last-Sequence"), 10, 64)
		left, err3 := strconv.Atoi(m.Header.Get("Nats-Num-Pending"))
		if err := errors.Join(err1, err2, err3); err != nil {
			return 0, fmt.Errorf("reading the stream: %w", err)
		}
		if before != last {
			return 0, fmt.Errorf("reading the stream: the message in front of %d is missing", seq)
		}
		last = seq
		if !visit(stored{seq, left, m.Data}) {
			return 0, nil
		}
	}
}

func nextAnswer(ctx context.Context, answers <-chan *nats.Msg) (*nats.Msg, error) {
	late := time.NewTimer(attempt)
	defer late.Stop()
	select {
	case m := <-answers:
		return m, nil
	case <-late.C:
		return nil, nats.ErrTimeout
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
