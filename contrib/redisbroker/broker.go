package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goquart/quart/hub"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

var (
	// ErrClosed is what Publish and Subscribe return once Close was called.
	ErrClosed = errors.New("redisbroker: closed")
	// ErrUnavailable is that of a call which waited for the server for as long as Config.Timeout says. The last error of the
	// connection is wrapped as well.
	ErrUnavailable = errors.New("redisbroker: the server cannot be reached")
)

// Config is the configuration of a [Broker]. Either URL or Client is needed.
type Config struct {
	// URL is that of the server, as redis.ParseURL takes it: "redis://user:password@host:6379/0", "rediss://" for TLS, "unix:///path".
	URL string

	// Client is used in place of one of the broker's own: for Sentinel, a cluster, or a pool that is shared. It must have a
	// ReadTimeout, may not be a Ring, and is not closed by Close. Channels are common to all databases of a server: let the prefixes differ.
	Client redis.UniversalClient

	// Prefix is in front of each key and channel. Default: "quart:". Applications that share a server must have different ones.
	Prefix string

	// History is how many messages of each topic are kept for someone new: a hub, when the first member comes in its process. Clients that come back
	// are served from what their hub has, so it should not be less than hub.Config.History. Default: 128.
	History int

	// Reserve is how many more are kept, for subscriptions that lost the connection or fell behind for a moment: they go on without a gap. Others do not
	// see them. Default: 1,024. Negative: none.
	Reserve int

	// Keep is how long they are kept. It should not be less than hub.Config.Keep. Default: 2 minutes.
	Keep time.Duration

	// Remember is how long the position of a topic is known that nobody publishes to and nobody subscribes to: about 300 bytes of the server. Then the
	// topic begins a new epoch. Default: 24 hours, or Keep if that is longer.
	Remember time.Duration

	// Timeout is how long Publish and Subscribe wait for a server that is away. Default: 5 seconds; at most 5 minutes.
	Timeout time.Duration

	// Log gets a line when the connection is lost, when it is back, and when messages are missing. Default: slog.Default().
	Log *slog.Logger
}

func (c *Config) setDefaults() error {
	if c.Prefix == "" {
		c.Prefix = "quart:"
	}
	if c.History == 0 {
		c.History = 128
	}
	if c.Reserve == 0 {
		c.Reserve = 1024
	}
	c.Reserve = max(c.Reserve, 0)
	if c.Keep == 0 {
		c.Keep = 2 * time.Minute
	}
	if c.Remember == 0 {
		c.Remember = max(24*time.Hour, c.Keep)
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	switch {
	case c.History < 0:
		return fmt.Errorf("redisbroker: History is %d: subscribers read from it what they missed", c.History)
	case c.Keep < time.Millisecond:
		return fmt.Errorf("redisbroker: Keep is %v, less than 1ms", c.Keep)
	case c.Remember < c.Keep:
		return fmt.Errorf("redisbroker: Remember is %v, less than Keep, %v", c.Remember, c.Keep)
	case c.Timeout < 0 || c.Timeout > maxTimeout:
		return fmt.Errorf("redisbroker: Timeout is %v, not between 0 and %v", c.Timeout, maxTimeout)
	case strings.Contains(c.Prefix, "{}"):
		return errors.New("redisbroker: a Prefix with {} would spread a topic's keys over the cluster")
	}
	return nil
}

const (
	// maxTimeout is well below the time for which publish.lua knows a writer's last batch.
	maxTimeout = 5 * time.Minute
	// callTimeout bounds one command. A client that was handed in goes by its own timeouts, unless it has ContextTimeoutEnabled.
	callTimeout = 3 * time.Second
	// checkInterval is that of the pings and of the look at silent topics.
	checkInterval = 5 * time.Second
	// maxReads bounds how many subscriptions read from their streams at a time: after a reconnect all may want to.
	maxReads = 8
)

// Broker implements [hub.Broker]. All methods may be called from any goroutine.
type Broker struct {
	cfg    Config
	client redis.UniversalClient
	own    bool // client is closed by Close
	tick   time.Duration

	ctx    context.Context // done when Close begins
	cancel context.CancelFunc
	wg     sync.WaitGroup // every goroutine; Add under the lock that guards closed, or by one of them
	once   sync.Once

	writer  string        // names this broker in the heads of topics
	batches atomic.Uint64 // numbers them for the script: a higher one comes after a lower one, in each topic
	pubMu   sync.Mutex
	lanes   map[string]*lane // by topic; those that have something to send
	shut    bool             // guarded by pubMu

	mu     sync.Mutex
	topics map[string]*topic // by stream key, which is the channel's name too
	ps     *redis.PubSub     // nil while there is none
	doubt  []*topic          // to be compared with their heads
	closed bool

	wake  chan struct{} // there is a topic: connect
	kick  chan struct{} // there is something for steer to do
	heard atomic.Int64  // when the connection of ps last had something to read, in ns since start
	start time.Time
	reads chan struct{} // a semaphore
}

var _ hub.Broker = (*Broker)(nil)

// New returns a broker. It does not connect: a server that is away is waited for by those who need it. Errors: those of the configuration.
// The broker must be closed.
func New(cfg Config) (*Broker, error) { return newBroker(cfg, checkInterval) }

func newBroker(cfg Config, tick time.Duration) (*Broker, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	client, err := cfg.client()
	if err != nil {
		return nil, err
	}
	b := &Broker{
		cfg:    cfg,
		client: client,
		own:    cfg.Client == nil,
		tick:   tick,
		writer: fmt.Sprintf("%016x", rand.Uint64()),
		lanes:  make(map[string]*lane),
		topics: make(map[string]*topic),
		wake:   make(chan struct{}, 1),
		kick:   make(chan struct{}, 1),
		start:  time.Now(),
		reads:  make(chan struct{}, maxReads),
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.wg.Go(b.receive)
	b.wg.Go(b.steer)
	return b, nil
}

// client is the client to use, a new one unless there is one.
func (c *Config) client() (redis.UniversalClient, error) {
	switch client := c.Client.(type) {
	case nil:
		return dial(c.URL)
	case *redis.Ring:
		return nil, errors.New("redisbroker: a Ring cannot be subscribed to as a whole; use a cluster")
	case *redis.Client:
		if o := client.Options(); o.ReadTimeout <= 0 && !o.ContextTimeoutEnabled {
			return nil, errors.New("redisbroker: Client has no ReadTimeout, so a dead server would hang it for ever")
		}
	case *redis.ClusterClient:
		if o := client.Options(); o.ReadTimeout <= 0 && !o.ContextTimeoutEnabled {
			return nil, errors.New("redisbroker: Client has no ReadTimeout, so a dead server would hang it for ever")
		}
	}
	return c.Client, nil
}

func dial(url string) (redis.UniversalClient, error) {
	if url == "" {
		return nil, errors.New("redisbroker: neither URL nor Client is given")
	}
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("redisbroker: %w", err)
	}
	o.ContextTimeoutEnabled = true
	o.MaxRetries, o.DialerRetries = -1, 1 // the broker has its own way to try again
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(o), nil
}

// Close ends all subscriptions, waits for an fn that is running, and fails all publications that wait, with ErrClosed: they may still arrive. With a
// Client that was handed in it may take as long as that one's timeouts. It must not be called by an fn. The error is always nil.
func (b *Broker) Close() error {
	b.once.Do(b.close)
	return nil
}

func (b *Broker) close() {
	b.pubMu.Lock()
	b.shut = true
	b.pubMu.Unlock()

	b.mu.Lock()
	b.closed = true
	ps := b.ps
	var subs []*subscription
	for _, t := range b.topics {
		subs = append(subs, t.subs...)
	}
	clear(b.topics)
	b.mu.Unlock()

	b.cancel()
	if b.own {
		_ = b.client.Close() // wakes who waits for an answer
	}
	if ps != nil {
		_ = ps.Close()
	}
	for _, s := range subs {
		s.shut()
	}
	b.wg.Wait()
}

// keys are the names of a topic's stream and head. What is in the braces decides about the slot in a cluster. It must not be empty, as the names as a
// whole would decide then, and Redis looks for the first closing brace.
func (b *Broker) keys(topic string) (stream, head string) {
	stream = b.cfg.Prefix + "{" + topic + "}"
	if topic == "" || topic[0] == '}' {
		stream = b.cfg.Prefix + "{_}" + topic + "!" // no other name ends like this
	}
	return stream, stream + "m"
}

// signal puts a token into a channel of one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// sleep waits for d, or less when the broker is closed: then it reports false.
func (b *Broker) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-b.ctx.Done():
		return false
	}
}

// backoff is how long to wait before another try: 10 ms at first, 1 s at most, half of it by chance so that processes spread.
func backoff(tries int) time.Duration {
	d := min(10*time.Millisecond<<min(tries, 10), time.Second)
	return d/2 + rand.N(d/2)
}

// passing are the beginnings of answers of a server that starts, fails over, is busy or full.
var passing = []string{
	"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "NOSCRIPT", "MOVED", "ASK", "BUSY", "ERR max number of clients",
}

// transient tells the errors that pass from those that another try would meet again: the server's answer to a bad command or to missing rights.
func transient(err error) bool {
	if errors.Is(err, redis.ErrClosed) {
		return false
	}
	var answer redis.Error
	if !errors.As(err, &answer) {
		return true
	}
	text := answer.Error()
	for _, word := range passing {
		if strings.HasPrefix(text, word) || strings.Contains(text, "-"+word) { // Redis 6 wraps what a command in a script said
			return true
		}
	}
	return false
}
