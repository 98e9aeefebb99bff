package natsbroker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/goquart/quart"
	"github.com/goquart/quart/contrib/natsbroker"
	"github.com/goquart/quart/contrib/natsbroker/embedded"
	"github.com/goquart/quart/hub"
)

// patience bounds what a test waits for. Only failures take that long.
const patience = 30 * time.Second

type message struct {
	pos  hub.Pos
	text string
}

// inbox collects what a subscription gets.
type inbox struct {
	mu      sync.Mutex
	got     []message
	arrived chan struct{}
	block   chan struct{} // if it is set, receive waits until it is closed
}

func newInbox() *inbox { return &inbox{arrived: make(chan struct{}, 1)} }

func (in *inbox) receive(pos hub.Pos, msg []byte) {
	if in.block != nil {
		<-in.block
	}
	in.mu.Lock()
	in.got = append(in.got, message{pos, string(msg)})
	in.mu.Unlock()
	select {
	case in.arrived <- struct{}{}:
	default:
	}
}

func (in *inbox) texts() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	texts := make([]string, len(in.got))
	for i, m := range in.got {
		texts[i] = m.text
	}
	return texts
}

// until waits for n messages and returns all.
func (in *inbox) until(t *testing.T, n int) []message {
	t.Helper()
	late := time.After(patience)
	for {
		in.mu.Lock()
		got := in.got
		in.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-in.arrived:
		case <-late:
			t.Fatalf("%d messages of %d", len(got), n)
		}
	}
}

func subscribe(t *testing.T, b *natsbroker.Broker, topic string, since hub.Pos) (*inbox, bool) {
	t.Helper()
	in := newInbox()
	return in, subscribeInbox(t, b, topic, since, in)
}

func subscribeInbox(t *testing.T, b *natsbroker.Broker, topic string, since hub.Pos, in *inbox) (recovered bool) {
	t.Helper()
	cancel, recovered, err := b.Subscribe(topic, since, in.receive)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cancel)
	return recovered
}

func publish(t *testing.T, b *natsbroker.Broker, topic, text string) hub.Pos {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	pos, err := b.Publish(ctx, topic, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return pos
}

// admin is a connection that does what the broker does not.
func admin(t *testing.T, b *backend) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(b.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(100_000))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// TestStreamDeleted: somebody deletes the stream while the server runs. Publishers make a new one, and those that only listen find it.
func TestStreamDeleted(t *testing.T) {
	b := start(t)
	config := natsbroker.Config{Keep: 8 * time.Second} // the stream is looked at four times in it
	talks, listens := b.connect(t, config), b.connect(t, config)
	in, _ := subscribe(t, listens, "topic", hub.Pos{})
	old := publish(t, talks, "topic", "old")
	in.until(t, 1)
	if err := admin(t, b).DeleteStream(t.Context(), "quart"); err != nil {
		t.Fatal(err)
	}
	fresh := publish(t, talks, "topic", "new")
	if fresh.Epoch == old.Epoch {
		t.Errorf("epoch %d is that of the stream that was deleted", fresh.Epoch)
	}
	if got := in.until(t, 2)[1]; got.pos != fresh || got.text != "new" {
		t.Errorf("%v, want %v", got, fresh)
	}
	if _, recovered := subscribe(t, listens, "topic", old); recovered {
		t.Error("recovered in an epoch that is gone")
	}
}

// TestNumbersAgain: the server lost what it had and kept the stream, as after a power failure. Its numbers begin again, the positions do not.
func TestNumbersAgain(t *testing.T) {
	for _, c := range []struct {
		name string
		keep time.Duration // the stream is looked at four times in it
	}{
		{"a publisher is first", 4 * time.Minute},
		{"nobody publishes", 8 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := start(t)
			talks, listens := b.connect(t, natsbroker.Config{Keep: c.keep}), b.connect(t, natsbroker.Config{Keep: c.keep})
			in, _ := subscribe(t, listens, "topic", hub.Pos{})
			var old hub.Pos
			for i := range 10 {
				old = publish(t, talks, "topic", fmt.Sprint(i))
			}
			in.until(t, 10)
			js := admin(t, b)
			s, err := js.Stream(t.Context(), "quart")
			if err != nil {
				t.Fatal(err)
			}
			was := s.CachedInfo().Config
			if err := js.DeleteStream(t.Context(), "quart"); err != nil {
				t.Fatal(err)
			}
			if _, err := js.CreateStream(t.Context(), was); err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				t.Fatal(err)
			}
			if c.keep < time.Minute {
				for deadline := time.Now().Add(patience); s.CachedInfo().Config.Subjects[0] == was.Subjects[0]; {
					if time.Now().After(deadline) {
						t.Fatal("nobody notices")
					}
					time.Sleep(20 * time.Millisecond) // a poll: brokers look now and then
					if _, err := s.Info(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
			pos := publish(t, talks, "topic", "new")
			if pos.Epoch == old.Epoch {
				t.Errorf("position %v behind %v", pos, old)
			}
			if got := in.until(t, 11)[10]; got.text != "new" || got.pos != pos {
				t.Errorf("%v, want %v", got, pos)
			}
			// Had both noticed it at one moment, they would have agreed.
			s, err = js.Stream(t.Context(), "quart")
			if err != nil {
				t.Fatal(err)
			}
			if want := natsbroker.NextEpoch(old.Epoch, s.CachedInfo().Created); pos.Epoch != want {
				t.Errorf("epoch %d behind %d, want %d", pos.Epoch, old.Epoch, want)
			}
		})
	}
}

// TestMemoryStorage: the stream is gone when the server restarts.
func TestMemoryStorage(t *testing.T) {
	b := start(t)
	broker := b.connect(t, natsbroker.Config{Storage: jetstream.MemoryStorage})
	in, _ := subscribe(t, broker, "topic", hub.Pos{})
	old := publish(t, broker, "topic", "old")
	b.stop(t)
	b.start(t)
	pos := publish(t, broker, "topic", "new")
	if got := in.until(t, 2)[1]; got.pos != pos || pos.Epoch == old.Epoch {
		t.Errorf("%v, published at %v, behind %v", got, pos, old)
	}
}

// TestQueueFull: what finds no place in the client's queue while fn does not return is read from the stream.
func TestQueueFull(t *testing.T) {
	const n = 20_000 // more than the queue has places
	b := start(t)
	listens := b.connect(t, natsbroker.Config{Backlog: 2 * n, Keep: 4 * time.Minute})
	in := newInbox()
	in.block = make(chan struct{})
	subscribeInbox(t, listens, "topic", hub.Pos{}, in)
	publishMany(t, admin(t, b), "topic", n)
	close(in.block)
	for i, m := range in.until(t, n) {
		if m.text != fmt.Sprint(i) {
			t.Fatalf("message %d is %q", i, m.text)
		}
	}
}

// publishMany publishes the numbers up to n as the broker does it, without waiting for each.
func publishMany(t *testing.T, js jetstream.JetStream, topic string, n int) {
	t.Helper()
	info, err := js.Stream(t.Context(), "quart")
	if err != nil {
		t.Fatal(err)
	}
	subject := strings.TrimSuffix(info.CachedInfo().Config.Subjects[0], "*") + natsbroker.Token(topic)
	for i := range n {
		if _, err := js.PublishAsync(subject, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
}

// TestLongBacklog: who is new gets the history, and reads not much more than that of a long backlog, wherever in the stream it is.
func TestLongBacklog(t *testing.T) {
	for name, topics := range map[string][]string{
		"alone":           {"topic"},
		"others behind":   {"topic", "other", "other"},
		"others in front": {"other", "other", "topic"},
		"others between":  {"topic", "other", "other", "topic"},
	} {
		t.Run(name, func(t *testing.T) {
			const n, history = 6_000, 128
			b := start(t)
			nc, err := nats.Connect(b.url)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(nc.Close)
			broker := b.connect(t, natsbroker.Config{Conn: nc, Keep: -1})
			js := admin(t, b)
			for _, topic := range topics {
				publishMany(t, js, topic, n)
			}
			before := nc.Stats().InMsgs
			in, recovered := subscribe(t, broker, "topic", hub.Pos{})
			got := in.texts()
			if !recovered || len(got) != history || got[0] != fmt.Sprint(n-history) || got[history-1] != fmt.Sprint(n-1) {
				t.Errorf("recovered %v, %d messages: %.60q", recovered, len(got), got)
			}
			if read := nc.Stats().InMsgs - before; read > n/3 {
				t.Errorf("%d messages came from the server for %d", read, history)
			}
		})
	}
}

// TestBacklogTooShort: who was away for longer than the backlog reaches gets what there is, under an epoch that nobody recovers from.
func TestBacklogTooShort(t *testing.T) {
	b := start(t)
	away := b.connect(t, natsbroker.Config{History: 5, Backlog: 10})
	in := newInbox()
	subscribeInbox(t, away, "topic", hub.Pos{}, in)
	first := publish(t, away, "topic", "first")
	in.until(t, 1)

	b.stop(t)
	b.start(t)
	talks := b.connect(t, natsbroker.Config{History: 5, Backlog: 10})
	for i := range 30 { // before the other one is back, or while it comes: either it sees all or it says so
		publish(t, talks, "topic", fmt.Sprint(i))
	}
	end := publish(t, talks, "topic", "end")
	deadline := time.Now().Add(patience)
	for texts := in.texts(); texts[len(texts)-1] != "end"; texts = in.texts() {
		if time.Now().After(deadline) {
			t.Fatalf("%q", texts)
		}
		<-in.arrived
	}
	got := in.until(t, 1)
	complete := len(got) == 32
	if last := got[len(got)-1].pos; complete != (last == end) || last.Seq != end.Seq || got[0].pos != first {
		t.Errorf("%d messages, the first at %v, the last at %v", len(got), got[0].pos, last)
	}
	t.Logf("%d of 32 messages", len(got))
}

// TestQuietTopic: the newest message expired long ago. A process that was subscribed all the time knows that nothing came behind it.
func TestQuietTopic(t *testing.T) {
	b := start(t)
	config := natsbroker.Config{Keep: time.Second}
	knows, other := b.connect(t, config), b.connect(t, config)
	in, _ := subscribe(t, knows, "topic", hub.Pos{})
	newest := publish(t, other, "topic", "x")
	in.until(t, 1)
	deadline := time.Now().Add(patience)
	for { // a poll: it is the server's clock that runs
		gone, _ := subscribe(t, other, "topic", hub.Pos{})
		if len(gone.texts()) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the message does not expire")
		}
		time.Sleep(100 * time.Millisecond)
	}
	for { // a poll: it is not known for a moment when the stream could not be looked at for as long as Keep
		got, recovered := subscribe(t, knows, "topic", newest)
		if len(got.texts()) != 0 {
			t.Errorf("where it is known: %q", got.texts())
		}
		if recovered {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("not recovered where it is known")
		}
		time.Sleep(100 * time.Millisecond)
	}
	if _, recovered := subscribe(t, other, "another topic", newest); recovered {
		t.Error("recovered in a topic where nothing is known")
	}
}

// TestForgedPositions: clients send positions, so they send any.
func TestForgedPositions(t *testing.T) {
	b := start(t).connect(t, natsbroker.Config{})
	mine := publish(t, b, "topic", "x")
	other := publish(t, b, "other", "y")
	for _, since := range []hub.Pos{
		{Epoch: mine.Epoch},
		{Epoch: mine.Epoch, Seq: 1<<64 - 1},
		{Epoch: mine.Epoch, Seq: 1 << 63},
		{Epoch: mine.Epoch, Seq: other.Seq}, // of another topic
		{Epoch: 1<<64 - 1, Seq: 1},
		{Seq: 1},
	} {
		in, recovered := subscribe(t, b, "topic", since)
		if got := in.texts(); recovered || len(got) != 1 || got[0] != "x" {
			t.Errorf("behind %+v: recovered %v, %q", since, recovered, got)
		}
	}
}

func TestErrors(t *testing.T) {
	b := start(t)
	broker := b.connect(t, natsbroker.Config{})
	if _, err := broker.Publish(t.Context(), "topic", make([]byte, 5<<20)); !errors.Is(err, nats.ErrMaxPayload) || quart.StatusOf(err) != 413 {
		t.Errorf("5 MiB: error %v", err)
	}
	js := admin(t, b)
	s, err := js.Stream(t.Context(), "quart")
	if err != nil {
		t.Fatal(err)
	}
	limited := s.CachedInfo().Config
	limited.MaxMsgSize = 1000
	if _, err := js.UpdateStream(t.Context(), limited); err != nil {
		t.Fatal(err)
	}
	if _, err := broker.Publish(t.Context(), "topic", make([]byte, 1001)); !errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum) || quart.StatusOf(err) != 413 {
		t.Errorf("over the limit of the stream: error %v", err)
	}
	in, _ := subscribe(t, broker, "topic", hub.Pos{})
	if err := broker.Close(); err != nil {
		t.Error(err)
	}
	if err := broker.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
	if _, err := broker.Publish(t.Context(), "topic", nil); !errors.Is(err, natsbroker.ErrClosed) {
		t.Errorf("Publish after Close: error %v", err)
	}
	if _, _, err := broker.Subscribe("topic", hub.Pos{}, in.receive); !errors.Is(err, natsbroker.ErrClosed) {
		t.Errorf("Subscribe after Close: error %v", err)
	}
}

func TestConfigErrors(t *testing.T) {
	b := start(t)
	if _, err := admin(t, b).CreateStream(t.Context(), jetstream.StreamConfig{Name: "foreign", Subjects: []string{"orders.>"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		config natsbroker.Config
		want   string
	}{
		{"stream with a dot", natsbroker.Config{Stream: "a.b"}, "called"},
		{"wildcard", natsbroker.Config{Subject: "a.*"}, "begin with"},
		{"empty token", natsbroker.Config{Subject: "a..b"}, "begin with"},
		{"negative history", natsbroker.Config{History: -1}, "negative"},
		{"short", natsbroker.Config{Keep: time.Millisecond}, "100ms"},
		{"timeout", natsbroker.Config{Timeout: -1}, "Timeout"},
		{"somebody else's stream", natsbroker.Config{Stream: "foreign"}, "other subjects"},
		{"subjects of somebody else's", natsbroker.Config{Subject: "orders"}, "overlap"},
		{"no server", natsbroker.Config{URL: "nats://127.0.0.1:1"}, "no servers"},
		{"replicas without a cluster", natsbroker.Config{Stream: "three", Replicas: 3}, "replicas"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.config.URL == "" {
				c.config.URL = b.url
			}
			broker, err := natsbroker.New(t.Context(), c.config)
			if err == nil {
				broker.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not contain %q", err, c.want)
			}
		})
	}
}

// TestConfigure: the last process to start says how much the stream keeps, and the messages stay.
func TestConfigure(t *testing.T) {
	b := start(t)
	first := b.connect(t, natsbroker.Config{})
	pos := publish(t, first, "topic", "x")
	second := b.connect(t, natsbroker.Config{Backlog: 1000, Keep: time.Hour, MaxBytes: 1 << 20})
	s, err := admin(t, b).Stream(t.Context(), "quart")
	if err != nil {
		t.Fatal(err)
	}
	if c := s.CachedInfo().Config; c.MaxMsgsPerSubject != 1000 || c.MaxAge != time.Hour || c.MaxBytes != 1<<20 {
		t.Errorf("%+v", c)
	}
	if in, _ := subscribe(t, second, "topic", hub.Pos{}); in.until(t, 1)[0].pos != pos {
		t.Errorf("%v", in.texts())
	}
}

// TestStreamsApart: applications that share a server.
func TestStreamsApart(t *testing.T) {
	b := start(t)
	one, two := b.connect(t, natsbroker.Config{Stream: "one"}), b.connect(t, natsbroker.Config{Stream: "two", Subject: "apps.two"})
	first, _ := subscribe(t, one, "topic", hub.Pos{})
	second, _ := subscribe(t, two, "topic", hub.Pos{})
	publish(t, one, "topic", "1")
	publish(t, two, "topic", "2")
	if a, b := first.until(t, 1)[0].text, second.until(t, 1)[0].text; a != "1" || b != "2" {
		t.Errorf("%q and %q", a, b)
	}
}

// TestConn: with a connection of the application, which keeps what is sent while it is away and sends it later.
func TestConn(t *testing.T) {
	b := start(t)
	nc, err := nats.Connect(b.url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	broker, err := natsbroker.New(t.Context(), natsbroker.Config{Conn: nc, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	in, _ := subscribe(t, broker, "topic", hub.Pos{})
	publish(t, broker, "topic", "before")
	b.stop(t)
	b.start(t)
	publish(t, broker, "topic", "after")
	if got := in.until(t, 2); got[1].text != "after" || got[1].pos.Epoch != got[0].pos.Epoch {
		t.Errorf("%v", got)
	}
	second, err := natsbroker.New(t.Context(), natsbroker.Config{Conn: nc})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := broker.Close(); err != nil {
		t.Error(err)
	}
	if nc.IsClosed() {
		t.Error("Close closed the application's connection")
	}
	nc.Close()
	if _, err := second.Publish(t.Context(), "topic", nil); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Publish without a connection: error %v", err)
	}
	if _, _, err := second.Subscribe("topic", hub.Pos{}, in.receive); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Subscribe without a connection: error %v", err)
	}
}

// TestCluster: three servers keep the stream. What was acknowledged is in the history at once, whichever server answers.
func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("three servers")
	}
	servers := startCluster(t, 3)
	connect := func(i int) *natsbroker.Broker {
		b := &backend{url: servers[i].URL()}
		return b.connect(t, natsbroker.Config{Replicas: 3, Timeout: patience})
	}
	brokers := []*natsbroker.Broker{connect(0), connect(1), connect(2)}
	var live []*inbox
	for _, b := range brokers {
		in, _ := subscribe(t, b, "topic", hub.Pos{})
		live = append(live, in)
	}
	const n = 300
	for i := range n {
		publish(t, brokers[i%3], "topic", fmt.Sprint(i))
		in, _ := subscribe(t, brokers[(i+1)%3], "topic", hub.Pos{})
		if got := in.texts(); len(got) < min(i+1, 128) || got[len(got)-1] != fmt.Sprint(i) {
			t.Fatalf("%d messages are there behind %d publications", len(got), i+1)
		}
	}
	// A server leaves for good. Its processes would go to another one.
	if err := servers[2].Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		publish(t, brokers[i%2], "topic", fmt.Sprint(n+i))
	}
	for _, in := range live[:2] {
		for i, m := range in.until(t, 2*n) {
			if m.text != fmt.Sprint(i) {
				t.Fatalf("message %d is %q", i, m.text)
			}
		}
	}
}

func startCluster(t *testing.T, n int) (all []*embedded.Server) {
	t.Helper()
	ports := freePorts(t, n) // each has to know the others before they are there
	var routes []string
	for _, port := range ports {
		routes = append(routes, fmt.Sprint("nats://127.0.0.1:", port))
	}
	for i := range n {
		srv, err := embedded.Start(embedded.Config{Dir: t.TempDir(), Options: func(o *server.Options) {
			o.ServerName = fmt.Sprint("node-", i)
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i]}
			o.Routes = server.RoutesFromStr(strings.Join(routes, ","))
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := srv.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		all = append(all, srv)
	}
	return all
}

// freePorts returns ports that were free a moment ago.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		ports = append(ports, ln.Addr().(*net.TCPAddr).Port)
	}
	return ports
}
