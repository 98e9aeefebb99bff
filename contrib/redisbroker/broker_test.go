package redisbroker_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart/contrib/redisbroker"
	"github.com/goquart/quart/hub"
	"github.com/redis/go-redis/v9"
)

func TestConfig(t *testing.T) {
	const url = "redis://localhost:1"
	client := func(o *redis.Options) redis.UniversalClient {
		c := redis.NewClient(o)
		t.Cleanup(func() { c.Close() })
		return c
	}
	cluster := func(o *redis.ClusterOptions) redis.UniversalClient {
		c := redis.NewClusterClient(o)
		t.Cleanup(func() { c.Close() })
		return c
	}
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "localhost:1"}})
	defer ring.Close()
	for _, tt := range []struct {
		name string
		cfg  redisbroker.Config
		want string // in the error, "" for none
	}{
		{"url", redisbroker.Config{URL: url}, ""},
		{"nothing", redisbroker.Config{}, "neither URL nor Client"},
		{"bad url", redisbroker.Config{URL: "http://localhost"}, "invalid URL scheme"},
		{"client", redisbroker.Config{Client: client(&redis.Options{})}, ""},
		{"client that waits for ever", redisbroker.Config{Client: client(&redis.Options{ReadTimeout: -1})}, "no ReadTimeout"},
		{"client that heeds contexts", redisbroker.Config{Client: client(&redis.Options{ReadTimeout: -1, ContextTimeoutEnabled: true})}, ""},
		{"cluster", redisbroker.Config{Client: cluster(&redis.ClusterOptions{})}, ""},
		{"cluster that waits for ever", redisbroker.Config{Client: cluster(&redis.ClusterOptions{ReadTimeout: -1})}, "no ReadTimeout"},
		{"ring", redisbroker.Config{Client: ring}, "Ring"},
		{"no history", redisbroker.Config{URL: url, History: -1}, "History is -1"},
		{"no reserve", redisbroker.Config{URL: url, Reserve: -1}, ""},
		{"keep", redisbroker.Config{URL: url, Keep: time.Microsecond}, "Keep is 1µs"},
		{"negative keep", redisbroker.Config{URL: url, Keep: -time.Second}, "Keep is -1s"},
		{"keep for long", redisbroker.Config{URL: url, Keep: 48 * time.Hour}, ""},
		{"remember", redisbroker.Config{URL: url, Remember: time.Minute}, "less than Keep"},
		{"timeout", redisbroker.Config{URL: url, Timeout: time.Hour}, "Timeout is 1h"},
		{"prefix", redisbroker.Config{URL: url, Prefix: "{}x"}, "Prefix"},
		{"one slot", redisbroker.Config{URL: url, Prefix: "{x}"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := redisbroker.New(tt.cfg)
			if err == nil {
				b.Close()
			}
			if err == nil && tt.want != "" || err != nil && (tt.want == "" || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// TestKeys: everything in Redis has an expiry, and a name that begins with the prefix.
func TestKeys(t *testing.T) {
	s := startServer(t)
	b := newBroker(t, redisbroker.Config{URL: s.url(), Prefix: "app:", Keep: time.Minute})
	publish(t, b, "chat", "a")
	publish(t, b, "", "b")
	subscribe(t, b, "chat", hub.Pos{})
	subscribe(t, b, "nobody publishes here", hub.Pos{})
	c, ctx := newClient(t, s.addr), context.Background()
	found := map[string]bool{}
	for _, key := range c.Keys(ctx, "*").Val() {
		found[key] = true
		ttl := c.PTTL(ctx, key).Val()
		most := time.Minute
		if strings.HasSuffix(key, "m") {
			most = 24 * time.Hour
		}
		if ttl <= most/2 || ttl > most {
			t.Errorf("%q expires in %v, want %v", key, ttl, most)
		}
	}
	for _, key := range []string{"app:{chat}", "app:{chat}m", "app:{_}!", "app:{_}!m"} {
		if !found[key] {
			t.Errorf("no key %q in %v", key, found)
		}
		delete(found, key)
	}
	if len(found) > 0 {
		t.Errorf("further keys: %v", found)
	}
}

// TestKeysDiffer: no two topics share a key.
func TestKeysDiffer(t *testing.T) {
	b := newBroker(t, redisbroker.Config{URL: "redis://localhost:1"})
	of := map[string]string{}
	for _, topic := range []string{"", "_", "!", "m", "}", "}!", "}m", "}!m", "_}", "_}!", "_}m", "_}!m", "_}}!", "_}}", "x", "xm", "x}", "x}m", "{x}", "{x}m", "{", "{}", "}{"} {
		stream, head := b.Keys(topic)
		for _, key := range []string{stream, head} {
			if other, ok := of[key]; ok {
				t.Errorf("topics %q and %q share the key %q", topic, other, key)
			}
			of[key] = topic
		}
	}
}

// TestExpiryWhileBusy: old messages go while new ones come, and not sooner, by the times that the server gave them.
func TestExpiryWhileBusy(t *testing.T) {
	const keep = 400 * time.Millisecond
	s := startServer(t)
	b := newBroker(t, redisbroker.Config{URL: s.url(), Keep: keep})
	for range 9 {
		publish(t, b, "topic", "old")
	}
	stream, _ := b.Keys("topic")
	c := newClient(t, s.addr)
	all := func() []redis.XMessage { return c.XRange(context.Background(), stream, "-", "+").Val() }
	entries := all()
	eventually(t, "expiry", func() bool {
		publish(t, b, "topic", "new")
		before := entries
		if entries = all(); len(entries) == 0 {
			return false // something took so long that even the last one has expired
		}
		now, want := timeOf(t, entries[len(entries)-1]), 1
		for _, e := range before {
			if now.Sub(timeOf(t, e)) < keep {
				want++
			}
		}
		if len(entries) != want {
			t.Errorf("%d messages are there in place of %d", len(entries), want)
		}
		return entries[0].Values["m"] == "new"
	})
	if last := publish(t, b, "topic", "end"); !strings.HasSuffix(entries[0].ID, "-0") || last.Seq < 11 {
		t.Errorf("IDs: first %s, last %v", entries[0].ID, last)
	}
}

// timeOf is the server's time when it took a message.
func timeOf(t *testing.T, e redis.XMessage) time.Time {
	t.Helper()
	text, _ := e.Values["t"].(string)
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.UnixMilli(ms)
}

// TestQuiet: a position is good although all messages have expired, as long as none is missing behind it.
func TestQuiet(t *testing.T) {
	s := startServer(t)
	b := newBroker(t, redisbroker.Config{URL: s.url(), Keep: 50 * time.Millisecond})
	before := publish(t, b, "topic", "1")
	last := publish(t, b, "topic", "2")
	stream, head := b.Keys("topic")
	c := newClient(t, s.addr)
	eventually(t, "expiry", func() bool { return c.Exists(context.Background(), stream).Val() == 0 })
	if in := subscribe(t, b, "topic", last); !in.recovered {
		t.Error("nothing is missing behind the last message")
	}
	if in := subscribe(t, b, "topic", before); in.recovered {
		t.Error("a message is missing")
	}
	// Somebody subscribes: the head may not expire.
	c.PExpire(context.Background(), head, time.Hour)
	again := newBroker(t, redisbroker.Config{URL: s.url()})
	subscribe(t, again, "topic", last)
	eventually(t, "a later expiry", func() bool { return c.PTTL(context.Background(), head).Val() > 23*time.Hour })
}

// TestUnsubscribe: a channel without subscriptions is left.
func TestUnsubscribe(t *testing.T) {
	s := startServer(t)
	b := newBroker(t, redisbroker.Config{URL: s.url()})
	stream, _ := b.Keys("topic")
	c := newClient(t, s.addr)
	subscribers := func() int64 { return c.PubSubNumSub(context.Background(), stream).Val()[stream] }
	one, two := subscribe(t, b, "topic", hub.Pos{}), subscribe(t, b, "topic", hub.Pos{})
	eventually(t, "one connection for two subscriptions", func() bool { return subscribers() == 1 })
	one.cancel()
	publish(t, b, "topic", "x")
	two.until("x")
	two.cancel()
	eventually(t, "unsubscription", func() bool { return subscribers() == 0 && b.Topics() == 0 })
	three := subscribe(t, b, "topic", hub.Pos{})
	publish(t, b, "topic", "y")
	three.until("y")
	same(t, three.texts(), "x", "y")
	eventually(t, "no lanes", func() bool { return b.Lanes() == 0 })
}

// TestClients: RESP2, a database, and rights that leave INFO out.
func TestClients(t *testing.T) {
	s := startServer(t)
	ctx := context.Background()
	if err := newClient(t, s.addr).Do(ctx, "ACL", "SETUSER", "app", "on", ">secret", "~app:*", "&app:*", "+@all", "-@dangerous").Err(); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]*redis.Options{
		"resp2":   {Addr: s.addr, Protocol: 2},
		"another": {Addr: s.addr, DB: 5},
		"rights":  {Addr: s.addr, Username: "app", Password: "secret"},
	} {
		t.Run(name, func(t *testing.T) {
			client := redis.NewClient(o)
			defer client.Close()
			b := newBroker(t, redisbroker.Config{Client: client, Prefix: "app:" + name})
			in := subscribe(t, b, "topic", hub.Pos{})
			first := publish(t, b, "topic", "a")
			publish(t, b, "topic", "b")
			in.until("b")
			same(t, in.texts(), "a", "b")
			if again := subscribe(t, b, "topic", first); !again.recovered {
				t.Error("not recovered")
			}
			b.Close()
			if err := client.Ping(ctx).Err(); err != nil {
				t.Errorf("Close has closed a client that is not its own: %v", err)
			}
		})
	}
}

// TestRightsComeLater: a script that fails in the middle leaves nothing that the next one stumbles over.
func TestRightsComeLater(t *testing.T) {
	s := startServer(t)
	admin, ctx := newClient(t, s.addr), context.Background()
	admin.Do(ctx, "ACL", "SETUSER", "app", "on", ">secret", "~quart:*", "resetchannels", "+@all")
	client := redis.NewClient(&redis.Options{Addr: s.addr, Username: "app", Password: "secret"})
	defer client.Close()
	b, direct := newBroker(t, redisbroker.Config{Client: client}), newBroker(t, redisbroker.Config{URL: s.url()})
	in := subscribe(t, direct, "topic", hub.Pos{})
	first := publish(t, direct, "topic", "a")
	if _, err := b.Publish(ctx, "topic", []byte("failed")); err == nil || errors.Is(err, redisbroker.ErrUnavailable) {
		t.Errorf("Publish: %v", err)
	}
	admin.Do(ctx, "ACL", "SETUSER", "app", "allchannels")
	last := publish(t, b, "topic", "b", "c")
	in.until("c")
	same(t, in.texts(), "a", "failed", "b", "c")
	if last.Epoch != first.Epoch || last.Seq != first.Seq+3 {
		t.Errorf("positions %v and %v", first, last)
	}
	b.Close()
}

// TestRefused: what the server will refuse again is not tried again.
func TestRefused(t *testing.T) {
	s := startServer(t)
	b := newBroker(t, redisbroker.Config{URL: s.url(), Timeout: time.Minute})
	stream, head := b.Keys("topic")
	c := newClient(t, s.addr)
	c.Set(context.Background(), head, "not a hash", 0)
	if _, err := b.Publish(context.Background(), "topic", nil); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("Publish: %v", err)
	}
	if _, _, err := b.Subscribe("topic", hub.Pos{}, nil); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("Subscribe: %v", err)
	}
	c.Del(context.Background(), head)
	in := subscribe(t, b, "topic", hub.Pos{})
	c.Publish(context.Background(), stream, "not a message of ours")
	c.Publish(context.Background(), stream, "1 2 3 nor this")
	publish(t, b, "topic", "a")
	in.until("a")
	same(t, in.texts(), "a")
}

func TestClosed(t *testing.T) {
	s := startServer(t)
	b := newBroker(t, redisbroker.Config{URL: s.url()})
	in := subscribe(t, b, "topic", hub.Pos{})
	publish(t, b, "topic", "a")
	in.until("a")
	b.Close()
	b.Close()
	if _, err := b.Publish(context.Background(), "topic", nil); !errors.Is(err, redisbroker.ErrClosed) {
		t.Errorf("Publish: %v", err)
	}
	if _, _, err := b.Subscribe("topic", hub.Pos{}, in.receive); !errors.Is(err, redisbroker.ErrClosed) {
		t.Errorf("Subscribe: %v", err)
	}
	in.cancel() // still allowed
}
