package hub_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
)

func TestHubMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		topic := h.Topic("news")
		plain, envelope, events := newLive(t), newLive(t), newLive(t)
		join(t, topic, plain, hub.Options{})
		join(t, topic, envelope, hub.Options{Format: hub.Envelope})
		join(t, topic, events, hub.Options{Format: hub.Events})
		synctest.Wait()
		hello := envelope.take()
		want(t, "hello", hello, `{"topic":"news","id":"`+helloID(t, hello)+`","recovered":false}`)

		for _, tt := range []struct {
			name            string
			publish         func() (hub.Pos, error)
			plain, envelope string
		}{
			{"text", func() (hub.Pos, error) { return topic.Publish(t.Context(), []byte("a \"b\"\n")) }, "a \"b\"\n", `"data":"a \"b\"\n"`},
			{"JSON", func() (hub.Pos, error) { return topic.PublishJSON(t.Context(), map[string]any{"b": 1, "a": "é"}) }, `{"a":"é","b":1}`, `"data":{"a":"é","b":1}`},
			{"message", func() (hub.Pos, error) { return topic.PublishMessage(t.Context(), quart.Message{Data: []byte("m")}) }, "m", `"data":"m"`},
			{"binary", func() (hub.Pos, error) {
				return topic.PublishMessage(t.Context(), quart.Message{Data: []byte{0xff, 0}, Binary: true})
			}, "[\xff\x00]", `"base64":"/wA="`},
			{"event", func() (hub.Pos, error) {
				return topic.PublishEvent(t.Context(), quart.Event{ID: "x", Name: "tick", Data: "1"})
			}, "tick 1", `"event":"tick","data":"1"`},
			{"event without a name", func() (hub.Pos, error) { return topic.PublishEvent(t.Context(), quart.Event{Data: "2"}) }, "2", `"data":"2"`},
			{"empty", func() (hub.Pos, error) { return topic.Publish(t.Context(), nil) }, "", `"data":""`},
			{"text that looks like JSON", func() (hub.Pos, error) { return topic.Publish(t.Context(), []byte(`{}`)) }, "{}", `"data":"{}"`},
		} {
			pos, err := tt.publish()
			if err != nil || pos == (hub.Pos{}) {
				t.Fatalf("%s: %v %v", tt.name, pos, err)
			}
			synctest.Wait()
			want(t, tt.name+", plain", plain.take(), tt.plain)
			want(t, tt.name+", events", events.take(), tt.plain)
			want(t, tt.name+", envelope", envelope.take(), fmt.Sprintf(`{"topic":"news","id":"%s",%s}`, pos, tt.envelope))
		}
		if got, want := topic.Stats(), (hub.Stats{Topics: 1, Members: 3, Published: 8, Received: 8, Delivered: 24}); got != want {
			t.Errorf("topic's stats: %+v, want %+v", got, want)
		}
		if h.Stats() != topic.Stats() || topic.Members() != 3 {
			t.Errorf("hub's stats: %+v", h.Stats())
		}
	})
}

func TestHubRefuses(t *testing.T) {
	h := new(hub.Hub)
	l := liveConn{newLive(t)}
	forbidden := hub.New(hub.Config{Authorize: func(a hub.Access) error {
		if a.Topic != "secret" || a.As != "eve" || a.Live != quart.Live(l) || a.Scope != nil || a.Action != hub.Join {
			t.Errorf("asked about %+v", a)
		}
		return quart.ErrForbidden
	}})
	_, join := h.Topic("").Join(l, "")
	_, long := h.Topic(strings.Repeat("x", hub.MaxTopic+1)).Publish(t.Context(), nil)
	_, control := h.Topic("a\nb").PublishJSON(t.Context(), 1)
	_, bytes := h.Topic("\xff").PublishMessage(t.Context(), quart.Message{Binary: true})
	_, who := h.Topic("a").JoinWith(l, hub.Options{As: "a\x00"})
	_, whoLong := h.Topic("a").JoinWith(l, hub.Options{As: strings.Repeat("x", hub.MaxWho+1)})
	_, utf8 := h.Topic("a").Publish(t.Context(), []byte{0xff})
	_, name := h.Topic("a").PublishEvent(t.Context(), quart.Event{Name: "\xff"})
	_, authorize := forbidden.Topic("secret").JoinWith(l, hub.Options{As: "eve"})
	ended := newLive(t)
	ended.Close()
	_, gone := h.Topic("a").Join(liveConn{ended}, "")
	for _, tt := range []struct {
		name   string
		err    error
		want   error
		status int
	}{
		{"no name", join, hub.ErrTopic, 400},
		{"long name", long, hub.ErrTopic, 400},
		{"control characters", control, hub.ErrTopic, 400},
		{"no UTF-8", bytes, hub.ErrTopic, 400},
		{"who", who, hub.ErrWho, 400},
		{"long who", whoLong, hub.ErrWho, 400},
		{"text", utf8, hub.ErrText, 400},
		{"event's name", name, hub.ErrText, 400},
		{"authorize", authorize, quart.ErrForbidden, 403},
		{"over", gone, quart.ErrClosed, 499},
	} {
		if !errors.Is(tt.err, tt.want) || quart.StatusOf(tt.err) != tt.status {
			t.Errorf("%s: %v, want %v with %d", tt.name, tt.err, tt.want, tt.status)
		}
	}
	if _, err := h.Topic("a").PublishEvent(t.Context(), quart.Event{Name: "a\nb"}); err == nil {
		t.Error("an event's name with a line break")
	}
	if _, err := h.Topic("a").PublishJSON(t.Context(), func() {}); err == nil {
		t.Error("JSON of a func")
	}
	if s := h.Stats(); s != (hub.Stats{}) {
		t.Errorf("left behind: %+v", s)
	}
	if name := h.Topic("a\nb").Name() + h.Topic("ok").Name(); name != "ok" {
		t.Errorf("names %q", name)
	}
}

func TestHubTopicsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{Topics: 2})
		l := newLive(t)
		a := join(t, h.Topic("a"), l, hub.Options{})
		join(t, h.Topic("b"), l, hub.Options{})
		if _, err := h.Topic("c").Join(liveConn{l}, ""); err != hub.ErrTopics {
			t.Fatalf("a third topic: %v", err)
		}
		publish(t, h.Topic("a"), "kept")
		a.Leave()
		join(t, h.Topic("c"), l, hub.Options{}) // the idle one goes
		synctest.Wait()
		if n := h.Stats().Topics; n != 2 {
			t.Errorf("%d topics", n)
		}
	})
}

func TestHubLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(hub.MemoryConfig{})
		h := hub.New(hub.Config{Broker: b})
		topic := h.Topic("room")
		var lives [3]*live
		var members [3]*hub.Member
		for i := range lives {
			lives[i] = newLive(t)
			members[i] = join(t, topic, lives[i], hub.Options{})
		}
		publish(t, topic, "1")
		synctest.Wait()
		members[0].Leave()
		members[0].Leave()
		publish(t, topic, "2")
		synctest.Wait()
		lives[2].Close() // and leaves by itself
		synctest.Wait()
		publish(t, topic, "3")
		synctest.Wait()
		want(t, "first", lives[0].take(), "1")
		want(t, "second", lives[1].take(), "1", "2", "3")
		want(t, "third", lives[2].take(), "1", "2")
		if n := topic.Members(); n != 1 {
			t.Errorf("%d members", n)
		}
		members[1].Leave()
		synctest.Wait()
		if s := h.Stats(); s.Members != 0 || s.Topics != 1 {
			t.Errorf("the history is not kept: %+v", s)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if s := h.Stats(); s.Topics != 0 || b.subscriptions() != 0 {
			t.Errorf("left behind: %+v, %d subscriptions", s, b.subscriptions())
		}
		join(t, h.Topic("empty"), lives[1], hub.Options{}).Leave()
		synctest.Wait()
		if s := h.Stats(); s.Topics != 0 || b.subscriptions() != 0 {
			t.Errorf("a topic that never had a message stays: %+v, %d subscriptions", s, b.subscriptions())
		}
		join(t, h.Topic("empty"), lives[1], hub.Options{Format: hub.Events}).Leave()
		synctest.Wait()
		if s := h.Stats(); s.Topics != 1 {
			t.Errorf("a topic that told a position is gone: %+v", s)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if s := h.Stats(); s.Topics != 0 || b.subscriptions() != 0 {
			t.Errorf("and now it stays: %+v, %d subscriptions", s, b.subscriptions())
		}
	})
}

// TestHubManyTopics: what is kept of topics without members is bounded.
func TestHubManyTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(hub.MemoryConfig{})
		h := hub.New(hub.Config{Broker: b})
		l := newLive(t)
		for i := range 3000 {
			topic := h.Topic(fmt.Sprint(i))
			m := join(t, topic, l, hub.Options{})
			publish(t, topic, "x")
			m.Leave()
		}
		synctest.Wait()
		if n := h.Stats().Topics; n != 1000 || b.subscriptions() != 1000 {
			t.Errorf("%d topics, %d subscriptions", n, b.subscriptions())
		}
	})
}

func TestHubSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(hub.Hub)
		topic := h.Topic("news")
		slow, fast, odd := newLive(t), newLive(t), newLive(t)
		slow.most = 2
		odd.onPost = func(f *quart.Frame) error {
			if text(f) == "1" {
				return errors.New("not this one")
			}
			odd.got = append(odd.got, text(f))
			return nil
		}
		for _, l := range []*live{slow, odd, fast} {
			join(t, topic, l, hub.Options{})
		}
		for i := range 4 {
			publish(t, topic, fmt.Sprint(i))
			synctest.Wait()
		}
		want(t, "slow", slow.take(), "0", "1")
		want(t, "odd", odd.take(), "0", "2", "3")
		want(t, "fast", fast.take(), "0", "1", "2", "3")
		if s := topic.Stats(); s.Members != 2 || s.Dropped != 2 || s.Delivered != 9 {
			t.Errorf("%+v", s)
		}
	})
}

func TestHubResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{History: 3, Keep: time.Minute})
		topic := h.Topic("news")
		join(t, topic, newLive(t), hub.Options{})
		var pos []hub.Pos
		for i := range 6 {
			pos = append(pos, publish(t, topic, fmt.Sprint(i)))
		}
		last := pos[5]
		for _, tt := range []struct {
			name, since string
			recovered   bool
			want        []string
			id          string
		}{
			{"fresh", "", false, nil, last.String()},
			{"recent", hub.Recent, false, []string{"3", "4", "5"}, pos[2].String()},
			{"seen all", last.String(), true, nil, last.String()},
			{"missed one", pos[4].String(), true, []string{"5"}, pos[4].String()},
			{"missed all that is kept", pos[2].String(), true, []string{"3", "4", "5"}, pos[2].String()},
			{"missed more", pos[1].String(), false, []string{"3", "4", "5"}, pos[2].String()},
			{"another epoch", hub.Pos{Epoch: last.Epoch + 1, Seq: last.Seq}.String(), false, []string{"3", "4", "5"}, pos[2].String()},
			{"nonsense", "../etc", false, []string{"3", "4", "5"}, pos[2].String()},
		} {
			plain, envelope, events := newLive(t), newLive(t), newLive(t)
			m := join(t, topic, plain, hub.Options{Since: tt.since})
			join(t, topic, envelope, hub.Options{Since: tt.since, Format: hub.Envelope}).Leave()
			join(t, topic, events, hub.Options{Since: tt.since, Format: hub.Events}).Leave()
			if m.Recovered() != tt.recovered {
				t.Errorf("%s: recovered is %v", tt.name, m.Recovered())
			}
			m.Leave()
			want(t, tt.name, plain.take(), tt.want...)
			hello := envelope.take()
			want(t, tt.name+", envelope", hello[:1], fmt.Sprintf(`{"topic":"news","id":"%s","recovered":%v}`, tt.id, tt.recovered))
			if len(hello)-1 != len(tt.want) {
				t.Errorf("%s: %q", tt.name, hello)
			}
			if tt.since != "" && !tt.recovered {
				tt.want = append([]string{"recovered false"}, tt.want...)
			}
			want(t, tt.name+", events", events.take(), tt.want...)
		}
		time.Sleep(time.Minute)
		l := newLive(t)
		if m := join(t, topic, l, hub.Options{Since: last.String()}); !m.Recovered() || len(l.take()) != 0 {
			t.Error("the last position is lost with the history")
		}
		if m := join(t, topic, l, hub.Options{Since: pos[4].String()}); m.Recovered() || len(l.take()) != 0 {
			t.Error("recovered what is gone")
		}
		publish(t, topic, "6")
		synctest.Wait()
		want(t, "twice a member", l.take(), "6", "6")
	})
}

// TestHubResumeAhead: a client comes from another process, which was faster.
func TestHubResumeAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := new(hub.Hub).Topic("news")
		join(t, topic, newLive(t), hub.Options{})
		pos := publish(t, topic, "1")
		synctest.Wait()
		pos.Seq += 2
		l := newLive(t)
		if m := join(t, topic, l, hub.Options{Since: pos.String(), Format: hub.Events}); !m.Recovered() {
			t.Error("not recovered")
		}
		publish(t, topic, "2", "3", "4")
		synctest.Wait()
		want(t, "ahead", l.take(), "4")
	})
}

// TestHubResumeFirst: who was there before the first message, and left, is told the truth about what it missed.
func TestHubResumeFirst(t *testing.T) {
	for _, tt := range []struct {
		name      string
		missed    int
		away      time.Duration // after the messages
		others    bool          // stay there meanwhile
		recovered bool
		want      int
	}{
		{"nothing", 0, 0, false, true, 0},
		{"nothing, for long", 0, time.Hour, false, false, 0}, // nobody knows any more
		{"nothing, for long, with others", 0, time.Hour, true, true, 0},
		{"some", 3, 0, false, true, 3},
		{"some, with others", 3, 0, true, true, 3},
		{"expired", 3, time.Hour, false, false, 0},
		{"expired, with others", 3, time.Hour, true, false, 0},
		{"trimmed", 500, 0, false, false, 128},
		{"trimmed, with others", 500, 0, true, false, 128},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := hub.New(hub.Config{})
				topic := h.Topic("news")
				l := newLive(t)
				m := join(t, topic, l, hub.Options{Format: hub.Envelope})
				since := helloID(t, l.take())
				if tt.others {
					join(t, topic, newLive(t), hub.Options{})
				}
				m.Leave()
				for i := range tt.missed {
					publish(t, topic, fmt.Sprint(i))
				}
				time.Sleep(tt.away)
				m = join(t, topic, l, hub.Options{Since: since, Format: hub.Envelope})
				synctest.Wait()
				if got := l.take(); m.Recovered() != tt.recovered || len(got)-1 != tt.want {
					t.Errorf("recovered is %v, with %d messages", m.Recovered(), len(got)-1)
				}
				if err := h.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestHubResumeFirstLost: an epoch that ended took messages with it.
func TestHubResumeFirstLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &scripted{}
		topic := hub.New(hub.Config{Broker: b}).Topic("news")
		l := newLive(t)
		join(t, topic, l, hub.Options{Format: hub.Envelope})
		since := helloID(t, l.take())
		b.deliver(hub.Pos{Epoch: 1, Seq: 1}, "\x11lost")
		b.deliver(hub.Pos{Epoch: 2, Seq: 1}, "\x11later")
		synctest.Wait()
		back := newLive(t)
		if m := join(t, topic, back, hub.Options{Since: since}); m.Recovered() {
			t.Error("recovered what is lost")
		}
		want(t, "back", back.take(), "later")
	})
}

// TestHubHistoryOfBroker: the first member of a process gets what the broker has.
func TestHubHistoryOfBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(hub.MemoryConfig{})
		one, two := hub.New(hub.Config{Broker: b}).Topic("news"), hub.New(hub.Config{Broker: b}).Topic("news")
		first := publish(t, one, "1")
		publish(t, one, "2", "3")
		l, recent := newLive(t), newLive(t)
		if m := join(t, two, l, hub.Options{Since: first.String()}); !m.Recovered() {
			t.Error("not recovered")
		}
		join(t, two, recent, hub.Options{Since: hub.Recent})
		publish(t, one, "4")
		synctest.Wait()
		want(t, "resumed", l.take(), "2", "3", "4")
		want(t, "recent", recent.take(), "1", "2", "3", "4")
		if b.total != 1 {
			t.Errorf("%d subscriptions", b.total)
		}
	})
}

func TestHubHistoryBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := hub.New(hub.Config{HistoryBytes: 10_000}).Topic("news")
		join(t, topic, newLive(t), hub.Options{})
		for range 5 {
			publish(t, topic, strings.Repeat("x", 3000))
		}
		l := newLive(t)
		join(t, topic, l, hub.Options{Since: hub.Recent})
		if n := len(l.take()); n != 3 {
			t.Errorf("%d messages are kept", n)
		}
		none := hub.New(hub.Config{History: -1}).Topic("news")
		join(t, none, newLive(t), hub.Options{})
		publish(t, none, "1")
		join(t, none, l, hub.Options{Since: hub.Recent})
		want(t, "no history", l.take())
	})
}

// TestHubHistoryHeap looks at the heap: the hub's own broker keeps to HistoryBytes, too, and what messages were encoded into is not kept.
func TestHubHistoryHeap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{HistoryBytes: 256 << 10})
		topic := h.Topic("news")
		l := newLive(t)
		l.onPost = func(*quart.Frame) error { return nil }
		join(t, topic, l, hub.Options{})
		join(t, topic, l, hub.Options{Format: hub.Envelope})
		before := heapInUse()
		data := make([]byte, 64<<10) // six times as long in JSON
		for range 24 {
			if _, err := topic.Publish(t.Context(), data); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		join(t, topic, l, hub.Options{Since: hub.Recent, Format: hub.Envelope})
		if more := heapInUse() - before; more > 1<<20 {
			t.Errorf("%d bytes are kept", more)
		}
		runtime.KeepAlive(h)
	})
}

// TestHubSharedFrames: a message is encoded once for those that have it in their queues, and again for who comes when nobody has it.
func TestHubSharedFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := new(hub.Hub).Topic("news")
		var queue []*quart.Frame
		l := newLive(t)
		l.onPost = func(f *quart.Frame) error {
			queue = append(queue, f)
			return nil
		}
		join(t, topic, l, hub.Options{})
		join(t, topic, l, hub.Options{})
		publish(t, topic, "1")
		synctest.Wait()
		runtime.GC()
		join(t, topic, l, hub.Options{Since: hub.Recent})
		if len(queue) != 3 || queue[0] != queue[1] || queue[0] != queue[2] {
			t.Errorf("not one frame for all: %p", queue)
		}
		queue = nil
		runtime.GC()
		join(t, topic, l, hub.Options{Since: hub.Recent})
		if len(queue) != 1 || text(queue[0]) != "1" {
			t.Errorf("later: %d frames", len(queue))
		}
	})
}

func TestHubBrokerAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(hub.MemoryConfig{})
		h := hub.New(hub.Config{Broker: b})
		topic := h.Topic("news")
		l := newLive(t)
		b.setAway(true)
		if _, err := topic.Join(liveConn{l}, ""); !errors.Is(err, errAway) || err.Error() != `hub: join "news": broker: away` {
			t.Fatalf("join: %v", err)
		}
		if _, err := topic.Publish(t.Context(), nil); !errors.Is(err, errAway) || err.Error() != `hub: publish to "news": broker: away` {
			t.Fatalf("publish: %v", err)
		}
		if s := h.Stats(); s != (hub.Stats{}) {
			t.Errorf("%+v", s)
		}
		b.setAway(false)
		join(t, topic, l, hub.Options{})
		publish(t, topic, "back")
		synctest.Wait()
		want(t, "back", l.take(), "back")
	})
}

// TestHubForeignMessages: what a hub does not know is left out, and an epoch that ends takes the history with it.
func TestHubForeignMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &scripted{}
		topic := hub.New(hub.Config{Broker: b}).Topic("news")
		l := newLive(t)
		join(t, topic, l, hub.Options{Format: hub.Envelope})
		l.take()
		for _, raw := range []string{"", "\x21new", "\x11\xff", "\x12{", "\x14", "\x14\x05abc", "\x14\x01\nx", "\x14\x80", "x"} {
			b.deliver(hub.Pos{Epoch: 1, Seq: 5}, raw)
		}
		b.deliver(hub.Pos{Epoch: 1, Seq: 5}, "\x11doubled")
		b.deliver(hub.Pos{Epoch: 1, Seq: 4}, "\x11late")
		b.deliver(hub.Pos{Epoch: 1, Seq: 9}, "\x12{\"a\":1}")
		b.deliver(hub.Pos{Epoch: 7, Seq: 2}, "\x11again")
		synctest.Wait()
		want(t, "messages", l.take(), `{"topic":"news","id":"1-5","data":"{"}`, `{"topic":"news","id":"1-9","data":{"a":1}}`, `{"topic":"news","id":"7-2","data":"again"}`)
		for since, recovered := range map[string]bool{"1-9": false, "7-0": false, "7-1": true, "7-2": true} {
			if m := join(t, topic, newLive(t), hub.Options{Since: since}); m.Recovered() != recovered {
				t.Errorf("since %s: recovered is %v", since, m.Recovered())
			}
		}
		recent := newLive(t)
		join(t, topic, recent, hub.Options{Since: hub.Recent})
		want(t, "recent", recent.take(), "again")
	})
}

func TestHubClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(hub.MemoryConfig{})
		h := hub.New(hub.Config{Broker: b})
		topic := h.Topic("news")
		l := newLive(t)
		m := join(t, topic, l, hub.Options{As: "ada"})
		publish(t, topic, "1")
		join(t, h.Topic("idle"), l, hub.Options{}).Leave()
		stop, err := h.Serve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		m.Leave()
		if b.subscriptions() != 0 || h.Stats().Topics != 0 || h.Stats().Members != 0 || l.Context.Err() != nil {
			t.Errorf("left behind: %+v, %v", h.Stats(), b.subscribed)
		}
		_, joined := topic.Join(liveConn{l}, "")
		_, published := topic.Publish(t.Context(), nil)
		if !errors.Is(joined, quart.ErrClosed) || !errors.Is(published, quart.ErrClosed) || topic.Present() != nil {
			t.Errorf("closed: %v, %v", joined, published)
		}
		if err := h.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestHubNested: the code of others may use the hub from anywhere.
func TestHubNested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *hub.Hub
		other := newLive(t)
		h = hub.New(hub.Config{
			Authorize: func(a hub.Access) error {
				if a.Topic == "a" {
					m, err := h.Topic("b").JoinWith(liveConn{other}, hub.Options{})
					m.Leave()
					return err
				}
				return nil
			},
			OnPresence: func(e hub.Presence) {
				if e.Who == "ada" {
					_, _ = h.Topic(e.Topic).Publish(t.Context(), []byte(fmt.Sprint("hook ", e.Joined)))
					m, _ := h.Topic(e.Topic).JoinWith(liveConn{other}, hub.Options{As: "hook"})
					m.Leave()
				}
			},
		})
		topic := h.Topic("a")
		l := newLive(t)
		var m, ada *hub.Member
		l.onPost = func(f *quart.Frame) error {
			s := text(f)
			l.mu.Lock()
			l.got = append(l.got, s)
			l.mu.Unlock()
			switch s {
			case "1":
				publish(t, topic, "2")
				join(t, topic, other, hub.Options{Since: hub.Recent, As: "other"})
			case "2":
				m.Leave()
				ada.Leave()
			}
			return nil
		}
		m = join(t, topic, l, hub.Options{})
		ada = join(t, topic, newLive(t), hub.Options{As: "ada"})
		synctest.Wait()
		publish(t, topic, "1")
		synctest.Wait()
		want(t, "nested", l.take(), "hook true", "1", "2")
		got := other.take()
		slices.Sort(got)
		want(t, "other", got, "1", "2", "hook false", "hook true")
	})
}

// TestHubNotifier: a connection that says itself when it is over is not asked for a context.
func TestHubNotifier(t *testing.T) {
	topic := new(hub.Hub).Topic("x")
	n := &notifier{} // with a nil context
	var members []*hub.Member
	for range 3 {
		m, err := topic.JoinWith(n, hub.Options{})
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, m)
	}
	members[1].Leave()
	if topic.Members() != 2 || len(n.members) != 2 {
		t.Errorf("%d members, %d to be told", topic.Members(), len(n.members))
	}
	for _, m := range n.members {
		m.Gone()
	}
	members[0].Leave()
	if topic.Members() != 0 {
		t.Errorf("%d members", topic.Members())
	}
}

// TestHubCloseAfterPanic: a join that panicked is nothing to wait for.
func TestHubCloseAfterPanic(t *testing.T) {
	for name, live := range map[string]func(t *testing.T) quart.Live{
		"none": func(*testing.T) quart.Live { return nil },
		"Post": func(t *testing.T) quart.Live { return panicky{liveConn{newLive(t)}} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := hub.New(hub.Config{})
				func() {
					defer func() {
						if recover() == nil {
							t.Error("no panic")
						}
					}()
					_, _ = h.Topic("x").JoinWith(live(t), hub.Options{Format: hub.Envelope})
				}()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := h.Close(ctx); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// panicky panics when it is posted to.
type panicky struct{ liveConn }

func (panicky) Post(*quart.Frame) error { panic("boom") }

// TestHubCloseWhileJoining: who was about to join does not, and nothing is left of it when Close returns.
func TestHubCloseWhileJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &gate{broker: newBroker(hub.MemoryConfig{}), open: make(chan struct{})}
		h := hub.New(hub.Config{Broker: b})
		joined := make(chan error, 4)
		for range 3 { // who subscribes, and two that wait for it
			go func() {
				_, err := h.Topic("x").Join(liveConn{newLive(t)}, "")
				joined <- err
			}()
		}
		ended := newLive(t)
		go func() {
			_, err := h.Topic("x").Join(liveConn{ended}, "")
			joined <- err
		}()
		synctest.Wait()
		if b.total != 1 {
			t.Errorf("%d subscriptions", b.total)
		}
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Close(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close with a subscription about to begin: %v", err)
		}
		time.AfterFunc(time.Second, func() { close(b.open) })
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if s := h.Stats(); s.Topics != 0 || s.Members != 0 || b.subscriptions() != 0 {
			t.Errorf("left behind: %+v, %v", s, b.subscribed)
		}
		for range 4 {
			if err := <-joined; !errors.Is(err, quart.ErrClosed) {
				t.Errorf("joined: %v", err)
			}
		}
	})
}
