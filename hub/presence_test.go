package hub_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart/hub"
)

// hooked is a hub that keeps what OnPresence was told.
type hooked struct {
	*hub.Hub
	mu   sync.Mutex
	told []string
}

func newHooked(cfg hub.Config) *hooked {
	h := &hooked{}
	cfg.OnPresence = func(e hub.Presence) {
		h.mu.Lock()
		defer h.mu.Unlock()
		sign := "-"
		if e.Joined {
			sign = "+"
		}
		h.told = append(h.told, e.Topic+sign+e.Who)
	}
	h.Hub = hub.New(cfg)
	return h
}

func (h *hooked) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	told := h.told
	h.told = nil
	return told
}

func TestPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHooked(hub.Config{})
		topic := h.Topic("room")
		if topic.Present() != nil {
			t.Error("somebody is there")
		}
		plain, envelope, events := newLive(t), newLive(t), newLive(t)
		join(t, topic, plain, hub.Options{As: "Plain"})
		synctest.Wait()
		join(t, topic, envelope, hub.Options{Presence: true, Format: hub.Envelope})
		join(t, topic, events, hub.Options{As: `"é"`, Format: hub.Events})
		synctest.Wait()
		hello := envelope.take()
		want(t, "hello, envelope", hello,
			`{"topic":"room","id":"`+helloID(t, hello)+`","recovered":false,"present":["Plain"]}`, `{"topic":"room","join":"\"é\""}`)
		want(t, "hello, events", events.take()[:1], `present ["\"é\"","Plain"]`)
		want(t, "present", topic.Present(), `"é"`, "Plain")
		want(t, "hook", h.take(), "room+Plain", `room+"é"`)

		// Two connections of one are one.
		again := join(t, topic, newLive(t), hub.Options{As: "Plain"})
		synctest.Wait()
		again.Leave()
		synctest.Wait()
		want(t, "again", h.take())

		plain.Close()
		synctest.Wait()
		want(t, "leave, envelope", envelope.take(), `{"topic":"room","leave":"Plain"}`)
		want(t, "leave, events", events.take(), "leave Plain")
		want(t, "leave, hook", h.take(), "room-Plain")
		want(t, "plain", plain.take())
		want(t, "present", topic.Present(), `"é"`)

		// Who did not ask is not told.
		quiet := newLive(t)
		join(t, topic, quiet, hub.Options{Format: hub.Events})
		join(t, topic, newLive(t), hub.Options{As: "Bob"})
		synctest.Wait()
		want(t, "quiet", quiet.take())
	})
}

func TestPresenceLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHooked(hub.Config{Present: 2, Topics: 1})
		topic := h.Topic("room")
		l := newLive(t)
		var members []*hub.Member
		for _, who := range []string{"a", "b", "c", "a"} {
			members = append(members, join(t, topic, l, hub.Options{As: who}))
		}
		want(t, "present", topic.Present(), "a", "b")
		members[2].Leave()
		members[0].Leave()
		want(t, "still there", topic.Present(), "a", "b")
		members[3].Leave()
		want(t, "left", topic.Present(), "b")
		join(t, topic, l, hub.Options{As: "d"})
		want(t, "room again", topic.Present(), "b", "d")
		if got := h.Topic("another").Present(); got != nil {
			t.Errorf("another topic: %q", got)
		}
	})
}

// TestPresenceBehind: who joins while what happened before is still to be told has them all right in the end, also those whose coming and
// leaving is not told any more, for it is undone.
func TestPresenceBehind(t *testing.T) {
	for _, there := range []bool{false, true} {
		t.Run(fmt.Sprint("there before: ", there), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				busy := make(chan struct{})
				h := hub.New(hub.Config{OnPresence: func(e hub.Presence) {
					if e.Who == "slow" {
						<-busy
					}
				}})
				topic := h.Topic("room")
				var bob *hub.Member
				turn := func() { // bob comes, or leaves
					if bob != nil {
						bob.Leave()
						bob = nil
						return
					}
					bob = join(t, topic, newLive(t), hub.Options{As: "bob"})
				}
				if there {
					turn()
				}
				synctest.Wait()
				join(t, topic, newLive(t), hub.Options{As: "slow"})
				synctest.Wait()

				alice, carol, watcher := newLive(t), newLive(t), newLive(t)
				join(t, topic, watcher, hub.Options{Presence: true, Format: hub.Envelope})
				turn()
				join(t, topic, alice, hub.Options{As: "alice", Format: hub.Envelope})
				turn()
				join(t, topic, carol, hub.Options{As: "carol", Format: hub.Envelope})
				close(busy)
				synctest.Wait()
				present := topic.Present()
				want(t, "alice", told(t, alice.take()), present...)
				want(t, "carol", told(t, carol.take()), present...)
				news := watcher.take()
				want(t, "watcher", told(t, news), present...)
				want(t, "what the watcher was told", news[1:], `{"topic":"room","join":"alice"}`, `{"topic":"room","join":"carol"}`)
			})
		})
	}
}

// processes are hubs that share a broker.
func processes(n int, b hub.Broker) (hubs []*hooked) {
	for range n {
		hubs = append(hubs, newHooked(hub.Config{Broker: b}))
	}
	return hubs
}

// told is who is present by what a member with an envelope was told.
func told(t *testing.T, envelopes []string) []string {
	there := map[string]bool{}
	for _, s := range envelopes {
		var e struct {
			Present     []string
			Join, Leave string
		}
		if err := json.Unmarshal([]byte(s), &e); err != nil {
			t.Fatal(err)
		}
		for _, who := range append(e.Present, e.Join) {
			there[who] = true
		}
		delete(there, e.Leave)
	}
	delete(there, "")
	return slices.Sorted(maps.Keys(there))
}

func TestPresenceProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(hub.MemoryConfig{})
		ps := processes(3, b)
		one, two, three := ps[0], ps[1], ps[2]
		l := newLive(t)
		ada := join(t, one.Topic("room"), l, hub.Options{As: "ada"})
		join(t, one.Topic("room"), l, hub.Options{As: "bob"})
		synctest.Wait()
		one.take()

		// A process that comes later learns who is there.
		watcher := newLive(t)
		join(t, two.Topic("room"), watcher, hub.Options{Presence: true, Format: hub.Envelope})
		synctest.Wait()
		want(t, "watcher", told(t, watcher.take()), "ada", "bob")
		want(t, "present", two.Topic("room").Present(), "ada", "bob")
		want(t, "hook", two.take(), "room+ada", "room+bob")

		// What changes is told at once, and the same name in two processes is one.
		join(t, two.Topic("room"), l, hub.Options{As: "ada"})
		synctest.Wait()
		ada.Leave()
		synctest.Wait()
		want(t, "one's hook", one.take())
		want(t, "two's hook", two.take())
		want(t, "present", one.Topic("room").Present(), "ada", "bob")

		// Present alone takes part, too.
		three.Topic("room").Present()
		synctest.Wait()
		want(t, "three", three.Topic("room").Present(), "ada", "bob")
		if told := three.take(); len(told) != 2 { // two processes answered
			t.Errorf("three's hook: %q", told)
		}

		// A process that stops says so; one that dies falls silent.
		if err := two.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want(t, "two stopped", one.take(), "room-ada")
		time.Sleep(30 * time.Second)
		want(t, "heartbeats", three.Topic("room").Present(), "bob")
		b.setAway(true)
		time.Sleep(30 * time.Second)
		want(t, "not silent for long", three.Topic("room").Present(), "bob")
		time.Sleep(51 * time.Second)
		want(t, "one is silent", three.Topic("room").Present())
		b.setAway(false)
		time.Sleep(21 * time.Second)
		want(t, "one is back", three.Topic("room").Present(), "bob")
		want(t, "three's hook", three.take(), "room-ada", "room-bob", "room+bob")
		for _, h := range ps {
			_ = h.Close(t.Context())
		}
		if b.subscriptions() != 0 {
			t.Errorf("left behind: %v", b.subscribed)
		}
	})
}

// TestPresenceEnds: what nobody uses any more is freed.
func TestPresenceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(hub.MemoryConfig{})
		h := hub.New(hub.Config{Broker: b})
		l := newLive(t)
		for i := range 100 {
			h.Topic(fmt.Sprint(i)).Present()
			join(t, h.Topic(fmt.Sprint(i)), l, hub.Options{As: "ada"})
		}
		synctest.Wait()
		if n := b.subscriptions(); n != 200 {
			t.Fatalf("%d subscriptions", n)
		}
		l.Close()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := b.subscriptions(); n != 0 {
			t.Errorf("left behind: %d subscriptions", n)
		}
	})
}

// TestPresenceTopics: presence that nobody uses keeps no one out, and is bounded.
func TestPresenceTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(hub.MemoryConfig{})
		h := hub.New(hub.Config{Broker: b, Topics: 3})
		l := newLive(t)
		for i := range 10 {
			join(t, h.Topic(fmt.Sprint("left ", i)), l, hub.Options{As: "ada"}).Leave()
		}
		for i := range 10 {
			h.Topic(fmt.Sprint("asked ", i)).Present()
		}
		var members []*hub.Member
		for i := range 3 {
			members = append(members, join(t, h.Topic(fmt.Sprint(i)), l, hub.Options{As: "ada"}))
		}
		synctest.Wait()
		if n := b.subscriptions(); n != 6 {
			t.Errorf("%d subscriptions for 3 topics", n)
		}
		if who := h.Topic("another").Present(); who != nil {
			t.Errorf("another topic: %q", who)
		}
		want(t, "present", h.Topic("0").Present(), "ada")
		for _, m := range members {
			m.Leave()
		}
		_ = h.Close(t.Context())
		synctest.Wait()
		if n := b.subscriptions(); n != 0 {
			t.Errorf("left behind: %d subscriptions", n)
		}

		h = hub.New(hub.Config{Broker: b})
		for i := range 1100 {
			h.Topic(fmt.Sprint("asked ", i)).Present()
			if i == 0 {
				join(t, h.Topic("used"), l, hub.Options{As: "ada"})
			}
		}
		synctest.Wait()
		if n := b.subscriptions(); n != 1002 {
			t.Errorf("%d subscriptions for 1,000 topics that are not used and one that is", n)
		}
		want(t, "present", h.Topic("used").Present(), "ada")
		_ = h.Close(t.Context())
	})
}

// TestPresencePlaceTaken: where places are few, who comes back is told of behind its own leaving.
func TestPresencePlaceTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy, running, told := make(chan struct{}), map[string]int{}, []string(nil)
		var mu sync.Mutex
		h := hub.New(hub.Config{Topics: 1, OnPresence: func(e hub.Presence) {
			mu.Lock()
			if running[e.Topic]++; running[e.Topic] > 1 {
				t.Errorf("calls for %q at the same time", e.Topic)
			}
			mu.Unlock()
			if !e.Joined {
				<-busy
			}
			mu.Lock()
			defer mu.Unlock()
			running[e.Topic]--
			if e.Topic == "a" {
				told = append(told, fmt.Sprint(e.Who, e.Joined))
			}
		}})
		l := newLive(t)
		for _, topic := range []string{"a", "b", "a"} {
			m := join(t, h.Topic(topic), l, hub.Options{As: "ada"})
			synctest.Wait()
			m.Leave()
			synctest.Wait()
		}
		join(t, h.Topic("a"), l, hub.Options{As: "ada"})
		synctest.Wait()
		close(busy)
		synctest.Wait()
		want(t, "told", told, "adatrue", "adafalse", "adatrue")
		_ = h.Close(t.Context())
	})
}

// overtaken is a broker where a publication is late.
type overtaken struct {
	*broker
	late  atomic.Bool // the next one
	ready chan struct{}
}

func (b *overtaken) Publish(ctx context.Context, topic string, msg []byte) (hub.Pos, error) {
	if b.late.CompareAndSwap(true, false) {
		<-b.ready
	}
	return b.broker.Publish(ctx, topic, msg)
}

// TestPresenceLastWords: what a process had to say before its place was taken does not end what it says later.
func TestPresenceLastWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &overtaken{broker: newBroker(hub.MemoryConfig{}), ready: make(chan struct{})}
		one, two := hub.New(hub.Config{Broker: b, Topics: 1}), hub.New(hub.Config{Broker: b})
		l := newLive(t)
		two.Topic("a").Present()
		m := join(t, one.Topic("a"), l, hub.Options{As: "ada"})
		synctest.Wait()
		b.late.Store(true)
		m.Leave()
		synctest.Wait()
		join(t, one.Topic("b"), l, hub.Options{As: "ada"}).Leave()
		synctest.Wait()
		m = join(t, one.Topic("a"), l, hub.Options{As: "ada"})
		synctest.Wait()
		close(b.ready)
		synctest.Wait()
		want(t, "present", two.Topic("a").Present(), "ada")
		m.Leave()
		synctest.Wait()
		want(t, "left", two.Topic("a").Present())
		for _, h := range []*hub.Hub{one, two} {
			_ = h.Close(t.Context())
		}
		if n := b.subscriptions(); n != 0 {
			t.Errorf("left behind: %d subscriptions", n)
		}
	})
}

// TestPresenceBrokerAway: without the broker presence goes on in the process, and is made up for later.
func TestPresenceBrokerAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(hub.MemoryConfig{})
		ps := processes(2, b)
		l := newLive(t)
		ps[1].Topic("room").Present()
		join(t, ps[0].Topic("room"), l, hub.Options{})
		synctest.Wait()
		b.setAway(true)
		ada := join(t, ps[0].Topic("room"), l, hub.Options{As: "ada"})
		join(t, ps[0].Topic("room"), l, hub.Options{As: "bob"})
		synctest.Wait()
		ada.Leave()
		want(t, "here", ps[0].Topic("room").Present(), "bob")
		b.setAway(false)
		time.Sleep(21 * time.Second)
		want(t, "there", ps[1].Topic("room").Present(), "bob")
		want(t, "hook", ps[1].take(), "room+bob")
	})
}

// picky is a broker that does not take all.
type picky struct {
	*broker
	refuse func(ctx context.Context, topic string, msg []byte) error
}

func (b *picky) Publish(ctx context.Context, topic string, msg []byte) (hub.Pos, error) {
	if err := b.refuse(ctx, topic, msg); err != nil {
		return hub.Pos{}, err
	}
	return b.broker.Publish(ctx, topic, msg)
}

// TestPresenceMany: however many are present, what a process says of them is not too long for the broker.
func TestPresenceMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &picky{newBroker(hub.MemoryConfig{}), func(_ context.Context, _ string, msg []byte) error {
			if len(msg) > 64<<10 {
				t.Errorf("a report of %d bytes", len(msg))
				return errors.New("too long")
			}
			return nil
		}}
		cfg := hub.Config{Broker: b, Present: -1}
		one, two, three := hub.New(cfg), hub.New(cfg), hub.New(cfg)
		const n = 2000
		var members []*hub.Member
		for i := range n {
			members = append(members, join(t, one.Topic("room"), newLive(t), hub.Options{As: fmt.Sprintf("%0120d", i)}))
		}
		join(t, two.Topic("room"), newLive(t), hub.Options{As: "zoe"})
		synctest.Wait()
		there := one.Topic("room").Present()
		if len(there) != n+1 {
			t.Fatalf("%d are there", len(there))
		}
		want(t, "who asked", two.Topic("room").Present(), there...)

		// A process that was not told of each is told of all.
		b.setAway(true)
		for i := range n {
			if i == 0 || i == n-1 || i%7 == 0 {
				members[i].Leave()
			}
		}
		join(t, one.Topic("room"), newLive(t), hub.Options{As: "ada"})
		synctest.Wait()
		b.setAway(false)
		time.Sleep(21 * time.Second)
		there = one.Topic("room").Present()
		want(t, "after a heartbeat", two.Topic("room").Present(), there...)
		join(t, three.Topic("room"), newLive(t), hub.Options{As: "zoe"})
		synctest.Wait()
		want(t, "who asked later", three.Topic("room").Present(), there...)

		// Many changes at once: the first one is told while the others come together.
		for _, m := range members {
			m.Leave()
		}
		synctest.Wait()
		want(t, "who stayed", three.Topic("room").Present(), "ada", "zoe")
		for _, h := range []*hub.Hub{one, two, three} {
			_ = h.Close(t.Context())
		}
	})
}

// TestPresenceRefused: a topic that the broker does not take does not keep the others from being told.
func TestPresenceRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &picky{newBroker(hub.MemoryConfig{}), func(_ context.Context, topic string, _ []byte) error {
			if strings.HasPrefix(topic, "p/bad") {
				return errAway
			}
			time.Sleep(time.Millisecond) // the refusals come meanwhile
			return nil
		}}
		cfg := hub.Config{Broker: b, Log: textLog(io.Discard)}
		one, two := hub.New(cfg), newHooked(cfg)
		l := newLive(t)
		for i := range 10 {
			for _, kind := range []string{"bad", "good"} {
				name := fmt.Sprint(kind, i)
				join(t, one.Topic(name), l, hub.Options{As: "ada"})
				join(t, two.Topic(name), l, hub.Options{Presence: true})
			}
		}
		time.Sleep(10 * time.Minute)
		told := two.take()
		if n := len(told); n != 10 || slices.ContainsFunc(told, func(s string) bool { return !strings.HasSuffix(s, "+ada") }) {
			t.Errorf("%d times told: %q", n, told)
		}
		_ = one.Close(t.Context())
		_ = two.Close(t.Context())
	})
}

// TestPresenceFarewell: who left while the broker was away is gone for the others when the topic makes room for others at once.
func TestPresenceFarewell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(hub.MemoryConfig{})
		cfg := hub.Config{Broker: b, Log: textLog(io.Discard)}
		one, two := hub.New(cfg), hub.New(cfg)
		join(t, two.Topic("x"), newLive(t), hub.Options{As: "zoe"})
		ada := join(t, one.Topic("x"), newLive(t), hub.Options{As: "ada"})
		synctest.Wait()
		b.setAway(true)
		ada.Leave()
		synctest.Wait()
		b.setAway(false)
		l := newLive(t)
		for i := range 1001 {
			join(t, one.Topic(fmt.Sprint(i)), l, hub.Options{As: "ada"}).Leave()
		}
		synctest.Wait()
		if got := two.Topic("x").Present(); !slices.Equal(got, []string{"zoe"}) {
			t.Errorf("present: %q", got)
		}
		_ = one.Close(t.Context())
		_ = two.Close(t.Context())
	})
}

// TestPresenceAwayLog: an outage of the broker is a line in the log, and its end another, not one for each topic.
func TestPresenceAwayLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(hub.MemoryConfig{})
		var log bytes.Buffer
		h := hub.New(hub.Config{Broker: b, Log: textLog(&log)})
		l := newLive(t)
		for i := range 200 {
			join(t, h.Topic(fmt.Sprint(i)), l, hub.Options{As: "ada"})
		}
		synctest.Wait()
		for _, tt := range []struct {
			away bool
			want int
		}{{true, 1}, {false, 2}} {
			b.setAway(tt.away)
			time.Sleep(21 * time.Second)
			synctest.Wait()
			if n := strings.Count(log.String(), "\n"); n != tt.want {
				t.Errorf("away %v: %d lines, want %d: %.300s", tt.away, n, tt.want, log.String())
			}
		}
		_ = h.Close(t.Context())
	})
}

// TestPresenceBrokerWaits: with a broker that waits until it is back, not each topic waits in turn.
func TestPresenceBrokerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		var waited atomic.Int64
		b := &picky{newBroker(hub.MemoryConfig{}), func(ctx context.Context, _ string, _ []byte) error {
			if !away.Load() {
				return nil
			}
			waited.Add(1)
			<-ctx.Done()
			return ctx.Err()
		}}
		h := hub.New(hub.Config{Broker: b})
		l := newLive(t)
		for i := range 20 {
			join(t, h.Topic(fmt.Sprint(i)), l, hub.Options{As: "ada"})
		}
		synctest.Wait()
		away.Store(true)
		time.Sleep(39 * time.Second) // one heartbeat
		if n := waited.Load(); n != 1 {
			t.Errorf("waited %d times", n)
		}
		away.Store(false)
		_ = h.Close(t.Context())
	})
}

// TestPresenceReports: what other processes say is not believed without bounds.
func TestPresenceReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(hub.MemoryConfig{})
		h := newHooked(hub.Config{Broker: b, Present: 3})
		topic := h.Topic("room")
		topic.Present()
		synctest.Wait()
		for _, raw := range []string{
			"", "\x15", "\x15null", "\x15[]", "\x16{\"node\":\"n\",\"join\":[\"x\"]}",
			`{"join":["x"]}`, `{"node":"","join":["x"]}`, `{"node":"n","join":["a\nb",""," ok"]}`, `{"node":"n","join":["` + strings.Repeat("x", 200) + `"]}`,
			`{"node":"n","leave":["nobody"]}`, `{"node":"o","all":true}`, `{"node":"m","join":[" ok","z"]}`,
			`{"node":"k","join":["1","2","3"]}`, `{"node":"k","all":true}`, `{"node":"n","all":true,"join":["new"]}`, `{"node":"k","all":true,"join":["1"`,
		} {
			if strings.HasPrefix(raw, "{") {
				raw = "\x15" + raw
			}
			if _, err := b.Publish(t.Context(), "p/room", []byte(raw)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		want(t, "present", topic.Present(), " ok", "new", "z")
		told := h.take()
		slices.Sort(told)
		want(t, "hook", slices.DeleteFunc(told, func(s string) bool { return s[5:] == "1" }), "room+ ok", "room+new", "room+z")
	})
}

// TestPresenceHookPanics: a panic of the hook does not end the process, nor presence.
func TestPresenceHookPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		h := hub.New(hub.Config{Log: textLog(&log), OnPresence: func(hub.Presence) { panic("ouch") }})
		l := newLive(t)
		join(t, h.Topic("room"), l, hub.Options{As: "ada", Format: hub.Events})
		synctest.Wait()
		join(t, h.Topic("room"), newLive(t), hub.Options{As: "bob"})
		synctest.Wait()
		if got := l.take(); got[len(got)-1] != "join bob" || !strings.Contains(log.String(), "ouch") {
			t.Errorf("%q; log: %s", got, log.String())
		}
	})
}

// TestPresenceFlaps: who comes and leaves while a hook takes its time is not told of, so that what waits is bounded.
func TestPresenceFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *hub.Hub
		busy, told := make(chan struct{}), 0
		h = hub.New(hub.Config{OnPresence: func(hub.Presence) {
			<-busy
			told++
		}})
		topic, l := h.Topic("room"), newLive(t)
		ada := join(t, topic, l, hub.Options{As: "ada"})
		synctest.Wait()
		for i := range 100 {
			join(t, topic, l, hub.Options{As: fmt.Sprint(i)}).Leave()
		}
		ada.Leave()
		close(busy)
		synctest.Wait()
		if told != 2 {
			t.Errorf("told of %d", told)
		}
	})
}
