package redisbroker_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/goquart/quart/contrib/redisbroker"
	"github.com/goquart/quart/hub"
	"github.com/redis/go-redis/v9"
)

// TestBatches: the script takes a batch once, and none that a later one has overtaken.
func TestBatches(t *testing.T) {
	s := startServer(t)
	text, err := os.ReadFile("publish.lua")
	if err != nil {
		t.Fatal(err)
	}
	c, ctx := newClient(t, s.addr), context.Background()
	run := func(writer string, batch int, msgs ...any) string {
		args := append([]any{writer, batch, 7, 100, 60_000, 60_000}, msgs...)
		v, err := c.Eval(ctx, string(text), []string{"{x}", "{x}m"}, args...).Result()
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(v)
	}
	for i, tt := range []struct {
		writer string
		batch  int
		msgs   []any
		want   string
	}{
		{"a", 1, []any{"1", "2", "3"}, "[7 1]"},
		{"b", 9, []any{"4"}, "[7 4]"},
		{"a", 1, []any{"1", "2", "3"}, "[7 1]"},
		{"a", 4, []any{"5"}, "[7 5]"},
		{"a", 4, []any{"5"}, "[7 5]"},
		{"a", 1, []any{"1", "2", "3"}, "STALE a later batch of this writer is there already"},
		{"b", 9, []any{"4"}, "[7 4]"},
	} {
		if got := run(tt.writer, tt.batch, tt.msgs...); got != tt.want {
			t.Errorf("call %d: %s, want %s", i, got, tt.want)
		}
	}
	if n := c.XLen(ctx, "{x}").Val(); n != 5 {
		t.Errorf("%d messages, want 5", n)
	}

	// Writers that went long ago are forgotten when there are many.
	for i := range 60 {
		c.HSet(ctx, "{x}m", fmt.Sprint("wold", i), "1 1 1000")
	}
	run("c", 1, "6")
	if n := c.HLen(ctx, "{x}m").Val(); n != 4+3 {
		t.Errorf("%d fields: %v", n, c.HKeys(ctx, "{x}m").Val())
	}
}

// TestNumbers: a restart skips numbers, and the history reaches over the gap.
func TestNumbers(t *testing.T) {
	s := startServer(t)
	b := newBroker(t, redisbroker.Config{URL: s.url(), History: 4, Timeout: patience})
	in := subscribe(t, b, "topic", hub.Pos{})
	publish(t, b, "topic", "a", "b", "c")
	for _, text := range []string{"d", "e"} {
		s.kill()
		s.start(t)
		publish(t, b, "topic", text)
	}
	publish(t, b, "topic", "f")
	got := in.until("f")
	same(t, in.texts(), "a", "b", "c", "d", "e", "f")
	if first, last := got[0].pos, got[5].pos; first.Epoch != last.Epoch || last.Seq < 2<<24 {
		t.Errorf("positions from %v to %v", first, last)
	}
	same(t, subscribe(t, b, "topic", hub.Pos{}).texts(), "c", "d", "e", "f")
	for i, m := range got {
		late := subscribe(t, b, "topic", m.pos)
		want := i >= 1 // behind b all is in the history
		if late.recovered != want {
			t.Errorf("behind %q: recovered %v, want %v", m.text, late.recovered, want)
		}
		if n := min(5-i, 4); len(late.all()) != n {
			t.Errorf("behind %q: %d messages, want %d", m.text, len(late.all()), n)
		}
	}
}

// TestPages: a history that does not go into one answer.
func TestPages(t *testing.T) {
	s := startServer(t)
	b := newBroker(t, redisbroker.Config{URL: s.url(), History: 2000})
	var want []string
	for i := range 700 {
		text := fmt.Sprint(i)
		if i > 690 {
			text += strings.Repeat("x", 300<<10)
		}
		want = append(want, text)
		publish(t, b, "topic", text)
	}
	in := subscribe(t, b, "topic", hub.Pos{})
	same(t, in.texts(), want...)
	if !in.recovered {
		t.Error("not recovered")
	}
}

// TestCluster: a topic's keys are in one slot, whatever its name is.
func TestCluster(t *testing.T) {
	s := startServer(t, "--cluster-enabled", "yes")
	ctx := context.Background()
	if err := newClient(t, s.addr).Do(ctx, "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{s.addr}})
	defer c.Close()
	eventually(t, "cluster", func() bool { return strings.Contains(c.ClusterInfo(ctx).Val(), "cluster_state:ok") })
	b := newBroker(t, redisbroker.Config{Client: c})
	for _, topic := range []string{"", "a", "b", "}", "}}", "{", "{}", "}{", "a}b", "{a", "{a}b", "{}b"} {
		in := subscribe(t, b, topic, hub.Pos{})
		first := publish(t, b, topic, "1")
		publish(t, b, topic, "2")
		in.until("2")
		same(t, in.texts(), "1", "2")
		if late := subscribe(t, b, topic, first); !late.recovered {
			t.Errorf("%q: not recovered", topic)
		}
	}
	b.Close()
}

func FuzzPayload(f *testing.F) {
	for _, s := range []string{"", "1 2 1 hello", "1 2 1 ", "1 2 1", "0 2 1 x", "1 1 1 x", "1 16777219 2 a b c", "18446744073709551615 2 1 x", "18446744073709551616 2 1 x", "-1 2 1 x", "+1 2 1 x", "1  1 x", "a b c d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		epoch, seq, prev, msg, ok := redisbroker.MessageOf(payload)
		if !ok {
			return
		}
		if epoch == 0 || seq <= prev {
			t.Errorf("%q: epoch %d, %d behind %d", payload, epoch, seq, prev)
		}
		if e, s, p, m, ok := redisbroker.MessageOf(fmt.Sprint(epoch, " ", seq, " ", prev, " ") + msg); !ok || e != epoch || s != seq || p != prev || m != msg {
			t.Errorf("%q: written again it is another one", payload)
		}
	})
}
