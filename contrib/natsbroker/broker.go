package natsbroker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
)

var _ hub.Broker = (*Broker)(nil)

// ErrClosed is that of a broker after Close.
var ErrClosed = errors.New("natsbroker: closed")

// Broker is a [hub.Broker] by way of a NATS server. It is made by [New].
type Broker struct {
	config Config
	nc     *nats.Conn
	own    bool // nc is closed by Close
	js     jetstream.JetStream
	api    string // what the subjects of the JetStream API begin with
	name   string // what the IDs of this process's messages begin with

	published atomic.Uint64

	ctx  context.Context // done at Close
	stop context.CancelFunc
	wg   sync.WaitGroup

	statuses chan nats.Status
	incoming chan *nats.Msg // what the server repeats, for all topics
	overflow chan struct{}  // incoming was full
	catchUps chan struct{}  // a place for each of those that read after an outage at a time
	aliveAt  atomic.Int64   // when the stream was last seen with the connection up, Unix time in nanoseconds

	missing  atomic.Int64 // how often a subscription missed messages
	warnedAt atomic.Int64

	refreshing sync.Mutex // held by the one that looks what became of the stream

	// Lock order: refreshing, mu, then a subscription's mu.
	mu     sync.RWMutex
	epoch  subjects
	seen   *highest          // of that epoch
	topics map[string]*topic // by their token
	closed bool
}

// New connects to the server and makes the stream if it is not there; one that is there gets the bounds of config. ctx is for this only.
func New(ctx context.Context, config Config) (*Broker, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	b := &Broker{
		config:   config,
		nc:       config.Conn,
		api:      "$JS.API.",
		name:     strconv.FormatUint(rand.Uint64(), 36) + strconv.FormatUint(rand.Uint64(), 36) + "-",
		incoming: make(chan *nats.Msg, 16_384),
		overflow: make(chan struct{}, 1),
		catchUps: make(chan struct{}, 16),
		topics:   make(map[string]*topic),
		seen:     new(highest),
	}
	if b.nc == nil {
		if err := b.connect(); err != nil {
			return nil, err
		}
	}
	if err := b.setUp(ctx); err != nil {
		if b.own {
			b.nc.Close()
		}
		return nil, err
	}
	b.ctx, b.stop = context.WithCancel(context.Background())
	b.statuses = b.nc.StatusChanged(nats.CONNECTED)
	b.wg.Go(b.dispatch)
	b.wg.Go(b.watch)
	return b, nil
}

// connect makes the broker's own connection. What is published while it is away fails at once and is tried again: the client must not keep it
// back and send it when nobody waits for it any more.
func (b *Broker) connect() error {
	options := append([]nats.Option{
		nats.Name("quart hub"),
		nats.Timeout(b.config.Timeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, 250*time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if !errors.Is(err, nats.ErrSlowConsumer) { // a full queue: what was dropped is read from the stream
				b.config.Log.Warn("natsbroker: connection", "error", err)
			}
		}),
	}, b.config.Options...)
	nc, err := nats.Connect(b.config.URL, options...)
	if err != nil {
		return fmt.Errorf("natsbroker: %w", err)
	}
	b.nc, b.own = nc, true
	return nil
}

func (b *Broker) setUp(ctx context.Context) (err error) {
	if b.config.Domain != "" {
		b.api = "$JS." + b.config.Domain + ".API."
		b.js, err = jetstream.NewWithDomain(b.nc, b.config.Domain)
	} else {
		b.js, err = jetstream.New(b.nc)
	}
	if err != nil {
		return fmt.Errorf("natsbroker: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, b.config.Timeout)
	defer cancel()
	for pace := (pace{}); ; {
		if b.epoch, err = b.stream(ctx, true, subjects{}, 0); err == nil {
			b.alive()
			return nil
		}
		if !temporary(err) || pace.wait(ctx) != nil {
			return fmt.Errorf("natsbroker: stream %q: %w", b.config.Stream, err)
		}
	}
}

// Close ends all subscriptions: when it has returned, none of their functions runs. Publish and Subscribe fail with [ErrClosed] from then on.
func (b *Broker) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	var all []*subscription
	for _, t := range b.topics {
		t.unsubscribe()
		all = append(all, t.subs...)
	}
	b.topics = nil
	b.mu.Unlock()
	for _, s := range all {
		s.end()
	}
	b.stop()
	b.wg.Wait()
	b.nc.RemoveStatusListener(b.statuses)
	if b.own {
		b.nc.Close()
	}
	return nil
}

// current is the epoch that is known, and the highest number in it.
func (b *Broker) current() (subjects, *highest, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return subjects{}, nil, ErrClosed
	}
	return b.epoch, b.seen, nil
}

// highest is the highest number that was seen in an epoch. A server that lost messages numbers new ones as the lost ones.
type highest struct{ atomic.Uint64 }

func (h *highest) note(seq uint64) {
	for {
		old := h.Load()
		if seq <= old || h.CompareAndSwap(old, seq) {
			return
		}
	}
}

// alive notes that all that is published now arrives here.
func (b *Broker) alive() { b.aliveAt.Store(time.Now().UnixNano()) }

func (b *Broker) sinceAlive() time.Duration { return time.Since(time.Unix(0, b.aliveAt.Load())) }

// Publish implements [hub.Broker]. It waits for the server's word that the message is stored, and for the server, as long as ctx lasts. It never
// stores a message twice: when it lost touch after sending it, it tries again with the same ID for 30 seconds (or Config.Keep if that is shorter).
//
// Errors: ErrClosed, that of ctx, one of status 413 for a message that is too long (nats.ErrMaxPayload over the server's max_payload, 1 MiB unless
// configured, of which about 100 bytes are the broker's; jetstream.ErrStreamMessageExceedsMaximum over the stream's), or what the server refused
// it with.
func (b *Broker) Publish(ctx context.Context, topic string, msg []byte) (hub.Pos, error) {
	if err := ctx.Err(); err != nil {
		return hub.Pos{}, err
	}
	var (
		name    = token(topic)
		number  = b.published.Add(1)
		pace    pace
		sentAt  time.Time // of the first attempt that may have succeeded
		lastErr error
	)
	for {
		epoch, seen, err := b.current()
		if err != nil {
			return hub.Pos{}, err
		}
		start, before := time.Now(), seen.Load()
		pos, double, err := b.publishOnce(ctx, epoch, name, number, msg)
		if err == nil && (pos.Seq > before || double) {
			seen.note(pos.Seq)
			return pos, nil
		}
		if err == nil { // stored in a stream that lost messages: nobody looks there any more
			err = errReused
		}
		if tooLong(err) {
			err = quart.Errorf(413, "the message is longer than the broker takes: %w", err)
			return hub.Pos{}, fmt.Errorf("natsbroker: %w", err)
		}
		if lastErr = err; !temporary(err) {
			return hub.Pos{}, fmt.Errorf("natsbroker: %w", err)
		}
		if sentAt.IsZero() && errors.Is(err, context.DeadlineExceeded) {
			sentAt = start
		}
		if !sentAt.IsZero() && time.Since(sentAt) > b.config.dedup()-attempt-time.Second {
			return hub.Pos{}, fmt.Errorf("natsbroker: nobody knows whether the message arrived: %w", lastErr)
		}
		if err := pace.wait(ctx); err != nil {
			return hub.Pos{}, fmt.Errorf("natsbroker: %w: %w", err, lastErr)
		}
		if errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, errReused) {
			b.refresh(ctx, epoch, errors.Is(err, errReused)) // its error shows again in the next attempt
		}
	}
}

// attempt is how long one attempt waits for an answer.
const attempt = 2 * time.Second

// errReused is that of a message which got the number of another one.
var errReused = errors.New("the server lost messages")

func (b *Broker) publishOnce(ctx context.Context, epoch subjects, name string, number uint64, msg []byte) (pos hub.Pos, double bool, err error) {
	if err := b.connected(); err != nil { // some clients keep messages back until they are connected again
		return hub.Pos{}, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	// The epoch is in the ID: what a former epoch has is not what subscribers of this one get.
	id := b.name + strconv.FormatUint(number, 36) + "-" + strconv.FormatUint(epoch.epoch, 36)
	m := &nats.Msg{Subject: epoch.stored(name), Header: nats.Header{jetstream.MsgIDHeader: {id}}, Data: msg}
	ack, err := b.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
	if err != nil {
		return hub.Pos{}, false, err
	}
	if ack.Stream != b.config.Stream {
		return hub.Pos{}, false, fmt.Errorf("%w: the message went into %q", errForeign, ack.Stream)
	}
	return hub.Pos{Epoch: epoch.epoch, Seq: ack.Sequence}, ack.Duplicate, nil
}

// connected is an error while there is no connection.
func (b *Broker) connected() error {
	switch {
	case b.nc.IsConnected():
		return nil
	case b.nc.IsClosed():
		return nats.ErrConnectionClosed
	default:
		return nats.ErrConnectionReconnecting
	}
}

// tooLong reports whether a message is one that the server, or the stream, will never take.
func tooLong(err error) bool {
	return errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum)
}

// temporary reports whether a later attempt may succeed.
func temporary(err error) bool {
	if err == nil || errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, ErrClosed) || errors.Is(err, errForeign) {
		return false
	}
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		return refused.Code == 503 || refused.ErrorCode == jetstream.JSErrCodeStreamNotFound || refused.ErrorCode == jetstream.JSErrCodeStreamNameInUse
	}
	return true
}

// pace is that of attempts: quick at first, then four in a second.
type pace struct{ last time.Duration }

// wait waits until the next attempt. Errors: that of ctx.
func (p *pace) wait(ctx context.Context) error {
	p.last = min(max(2*p.last, 5*time.Millisecond), 250*time.Millisecond)
	timer := time.NewTimer(p.last + rand.N(p.last))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
