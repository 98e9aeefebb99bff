package redisbroker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart/contrib/redisbroker"
	"github.com/goquart/quart/hub"
)

// numbered are n texts.
func numbered(prefix string, n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprint(prefix, i)
	}
	return texts
}

// TestAnswerLost: the server has the message, but its answer is lost. The next try finds that out.
func TestAnswerLost(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s.addr)
	b, direct := newBroker(t, redisbroker.Config{URL: p.url(), Timeout: patience}), newBroker(t, redisbroker.Config{URL: s.url()})
	in := subscribe(t, direct, "topic", hub.Pos{})
	publish(t, b, "topic", "before")
	p.setMute(true)
	done := make(chan message, 1)
	go func() {
		pos, err := b.Publish(context.Background(), "topic", []byte("once"))
		if err != nil {
			t.Errorf("Publish: %v", err)
		}
		done <- message{pos, "once"}
	}()
	in.until("once") // so the server has it
	p.setMute(false)
	p.cut(everything)
	sent := <-done
	publish(t, b, "topic", "after")
	got := in.until("after")
	same(t, in.texts(), "before", "once", "after")
	if got[1] != sent {
		t.Errorf("Publish returned %v, subscribers have %v", sent, got[1])
	}
}

// TestChannelLost: what is published while the connection of the channels is away arrives later, even more than the history.
func TestChannelLost(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s.addr)
	b, direct := newBroker(t, redisbroker.Config{URL: p.url(), History: 5}), newBroker(t, redisbroker.Config{URL: s.url(), History: 5})
	in := subscribe(t, b, "topic", hub.Pos{})
	texts := numbered("m", 300)
	for i, text := range texts {
		if i%50 == 10 {
			p.cut(channels)
		}
		publish(t, direct, "topic", text)
	}
	got := in.until("m299")
	same(t, in.texts(), texts...)
	for _, m := range got {
		if m.pos.Epoch != got[0].pos.Epoch {
			t.Fatalf("another epoch at %q", m.text)
		}
	}
	if late := subscribe(t, direct, "topic", hub.Pos{}); len(late.all()) != 5 {
		t.Errorf("%d messages of a history of 5", len(late.all()))
	}
}

// TestGap: who was away for longer than the stream reaches gets another epoch. The others do not.
func TestGap(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s.addr)
	b := newTicking(t, redisbroker.Config{URL: p.url(), History: 3, Reserve: -1}, time.Hour)      // nothing but the new connection tells it
	direct := newTicking(t, redisbroker.Config{URL: s.url(), History: 3, Reserve: -1}, time.Hour) // no ping is late: it would miss something
	in, other := subscribe(t, b, "topic", hub.Pos{}), subscribe(t, direct, "topic", hub.Pos{})
	seen := publish(t, direct, "topic", "seen")
	in.until("seen")
	p.setTarget("127.0.0.1:1")
	p.cut(everything)
	last := publish(t, direct, "topic", numbered("m", 10)...)
	p.setTarget(s.addr)
	got := in.until("m9")
	same(t, in.texts(), "seen", "m7", "m8", "m9")
	if got[0].pos != seen || got[1].pos.Epoch == seen.Epoch || got[3].pos.Epoch != got[1].pos.Epoch || got[3].pos.Seq != last.Seq {
		t.Errorf("positions %v", got)
	}
	publish(t, direct, "topic", "live")
	if got = in.until("live"); got[4].pos.Epoch != got[1].pos.Epoch {
		t.Errorf("epoch of the next message: %v", got)
	}
	all := other.until("live")
	if len(all) != 12 || all[11].pos.Epoch != seen.Epoch {
		t.Errorf("the other one has %v", all)
	}
	if again := subscribe(t, b, "topic", got[4].pos); again.recovered {
		t.Error("recovered from a position that nobody else knows")
	}
}

// TestRollback: the server comes back with an older state. No position is used twice, and those that saw what is lost learn of it.
func TestRollback(t *testing.T) {
	s := startServer(t)
	b := newBroker(t, redisbroker.Config{URL: s.url(), Timeout: patience})
	in := subscribe(t, b, "topic", hub.Pos{})
	kept := publish(t, b, "topic", "a", "b")
	snapshot := t.TempDir()
	copyDir(t, filepath.Join(snapshot, "aof"), filepath.Join(s.dir, "appendonlydir"))
	lost := publish(t, b, "topic", "c", "d")
	in.until("d")

	s.kill()
	if err := os.RemoveAll(filepath.Join(s.dir, "appendonlydir")); err != nil {
		t.Fatal(err)
	}
	copyDir(t, filepath.Join(s.dir, "appendonlydir"), filepath.Join(snapshot, "aof"))
	s.start(t)

	// Somebody who knows of nothing is the first to publish.
	other := newBroker(t, redisbroker.Config{URL: s.url()})
	if early := subscribe(t, other, "topic", lost); early.recovered {
		t.Error("recovered from a lost position before the next message")
	}
	e := publish(t, other, "topic", "e")
	if e.Epoch != kept.Epoch || e.Seq <= lost.Seq {
		t.Errorf("position %v after %v, of which %v is lost", e, kept, lost)
	}
	got := in.until("e")
	same(t, in.texts(), "a", "b", "c", "d", "e")
	if got[4].pos.Epoch == lost.Epoch {
		t.Error("the epoch is the same for one who saw what is lost")
	}
	if late := subscribe(t, other, "topic", lost); late.recovered {
		t.Error("recovered from a lost position")
	} else {
		same(t, late.texts(), "a", "b", "e")
	}
	if late := subscribe(t, other, "topic", kept); !late.recovered {
		t.Error("not recovered from a position that is kept")
	} else {
		same(t, late.texts(), "e")
	}
}

func copyDir(t *testing.T, dst, src string) {
	t.Helper()
	if err := os.CopyFS(dst, os.DirFS(src)); err != nil {
		t.Fatal(err)
	}
}

// TestFlush: the history goes while all connections live on.
func TestFlush(t *testing.T) {
	s := startServer(t)
	b := newBroker(t, redisbroker.Config{URL: s.url()})
	in := subscribe(t, b, "topic", hub.Pos{})
	old := publish(t, b, "topic", "a", "b", "c")
	in.until("c")
	c := newClient(t, s.addr)
	c.FlushAll(context.Background())
	if late := subscribe(t, b, "topic", old); late.recovered {
		t.Error("recovered although everything is gone")
	}
	fresh := publish(t, b, "topic", "d")
	in.until("d")
	same(t, in.texts(), "a", "b", "c", "d")
	if fresh.Epoch == old.Epoch {
		t.Error("the epoch is the same")
	}
	// The head alone, as an eviction might take it.
	_, head := b.Keys("topic")
	c.Del(context.Background(), head)
	publish(t, b, "topic", "e")
	in.until("e")
	same(t, in.texts(), "a", "b", "c", "d", "e")
	same(t, subscribe(t, b, "topic", hub.Pos{}).texts(), "e")
	// The stream alone.
	stream, _ := b.Keys("topic")
	c.Del(context.Background(), stream)
	if late := subscribe(t, b, "topic", hub.Pos{Epoch: fresh.Epoch}); late.recovered {
		t.Error("recovered although the message is gone")
	}
	publish(t, b, "topic", "f")
	in.until("f")
	same(t, in.texts(), "a", "b", "c", "d", "e", "f")
}

// TestDeafChannel: commands go to the server that is in charge, the channel's connection to one that is not any more.
func TestDeafChannel(t *testing.T) {
	old, now := startServer(t), startServer(t)
	p := startProxy(t, old.addr)
	b := newTicking(t, redisbroker.Config{URL: p.url()}, time.Second) // so long that no ping is late
	in := subscribe(t, b, "topic", hub.Pos{})
	publish(t, b, "topic", "a")
	in.until("a")
	p.setTarget(now.addr)
	p.cut(commands)
	direct := newBroker(t, redisbroker.Config{URL: now.url()})
	publish(t, direct, "topic", "b")
	in.until("b") // by the look at silent topics
	stream, _ := b.Keys("topic")
	c := newClient(t, now.addr)
	n := 0
	eventually(t, "another connection for the channels", func() bool {
		publish(t, direct, "topic", fmt.Sprint("n", n))
		in.until(fmt.Sprint("n", n))
		n++
		return c.PubSubNumSub(context.Background(), stream).Val()[stream] == 1
	})
	same(t, in.texts(), append([]string{"a", "b"}, numbered("n", n)...)...)
}

// TestDeadConnection: the network drops what comes over connections that there are. Pings find it out, although nothing is published.
func TestDeadConnection(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s.addr)
	b := newTicking(t, redisbroker.Config{URL: p.url()}, 400*time.Millisecond)
	in := subscribe(t, b, "topic", hub.Pos{})
	before := p.joins()
	p.freeze()
	eventually(t, "another connection for the channels", func() bool { return p.joins() > before })
	publish(t, b, "topic", "x")
	in.until("x")
}

// TestSilentServer: connections stay open, but nothing comes back. Nobody hangs for longer than he wants to.
func TestSilentServer(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s.addr)
	b, direct := newBroker(t, redisbroker.Config{URL: p.url(), Timeout: 4 * time.Second}), newBroker(t, redisbroker.Config{URL: s.url()})
	in := subscribe(t, b, "topic", hub.Pos{})
	p.setMute(true)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, _, err := b.Subscribe("another", hub.Pos{}, in.receive); !errors.Is(err, redisbroker.ErrUnavailable) {
			t.Errorf("Subscribe: %v", err)
		}
	})
	if _, err := b.Publish(context.Background(), "topic", []byte("maybe")); !errors.Is(err, redisbroker.ErrUnavailable) {
		t.Errorf("Publish: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := b.Publish(ctx, "topic", []byte("not sent")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Publish: %v", err)
	}
	publish(t, direct, "topic", "meanwhile")
	wg.Wait()
	p.setMute(false)
	in.until("meanwhile") // the pings have noticed
	eventually(t, "publication", func() bool {
		_, err := b.Publish(context.Background(), "topic", []byte("end"))
		return err == nil
	})
	in.until("end")
	texts := in.texts()
	if slices.Contains(texts, "not sent") || slices.Contains(texts, "") {
		t.Error("a message was sent for which nobody waited any more")
	}
	if i := slices.Index(texts, "maybe"); i >= 0 && slices.Contains(texts[i+1:], "maybe") {
		t.Errorf("a message came twice: %q", texts)
	}
}

// TestCloseWhileAway: Close ends those that wait for a server that is away, and for one that is silent.
func TestCloseWhileAway(t *testing.T) {
	s := startServer(t)
	for name, leave := range map[string]func(*proxy){
		"silent": func(p *proxy) { p.setMute(true) },
		"away":   func(p *proxy) { p.setTarget("127.0.0.1:1"); p.cut(everything) },
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, s.addr)
			b := newBroker(t, redisbroker.Config{URL: p.url(), Timeout: time.Minute})
			subscribe(t, b, "topic", hub.Pos{})
			leave(p)
			var wg sync.WaitGroup
			for i := range 4 {
				wg.Go(func() {
					if _, err := b.Publish(context.Background(), fmt.Sprint(i/2), nil); !errors.Is(err, redisbroker.ErrClosed) {
						t.Errorf("Publish: %v", err)
					}
				})
			}
			eventually(t, "publications", func() bool { return b.Lanes() == 2 })
			wg.Go(func() {
				if _, _, err := b.Subscribe("new", hub.Pos{}, func(hub.Pos, []byte) {}); !errors.Is(err, redisbroker.ErrClosed) {
					t.Errorf("Subscribe: %v", err)
				}
			})
			eventually(t, "subscription", func() bool { return b.Topics() == 2 })
			b.Close()
			wg.Wait()
		})
	}
}

// TestSlowSubscriber: an fn that hangs holds up nobody else, and its queue does not grow without bound.
func TestSlowSubscriber(t *testing.T) {
	s := startServer(t)
	b := newBroker(t, redisbroker.Config{URL: s.url()})
	hang, got := make(chan struct{}), &inbox{t: t}
	cancel, _, err := b.Subscribe("topic", hub.Pos{}, func(pos hub.Pos, msg []byte) {
		<-hang
		got.receive(pos, msg)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cancel)
	quick := subscribe(t, b, "topic", hub.Pos{})
	var want []string
	for i := range 12 {
		text := fmt.Sprint(i, strings.Repeat("x", 1<<20))
		want = append(want, text)
		publish(t, b, "topic", text)
	}
	publish(t, b, "topic", "end")
	quick.until("end")
	if n := b.Queued("topic"); n > 10<<20 {
		t.Errorf("%d bytes are queued", n)
	}
	close(hang)
	got.until("end")
	same(t, got.texts(), append(want, "end")...)
}

// TestLog: a connection that is lost and found again makes one line each.
func TestLog(t *testing.T) {
	s := startServer(t)
	r, w := io.Pipe()
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		buf := make([]byte, 4096)
		for {
			n, err := r.Read(buf)
			if err != nil {
				return
			}
			lines <- string(buf[:n])
		}
	}()
	b := newTicking(t, redisbroker.Config{URL: s.url(), Log: textLog(w)}, time.Hour) // a ping that is late would make lines too
	in := subscribe(t, b, "topic", hub.Pos{})
	s.kill()
	if line := <-lines; !strings.Contains(line, "connection lost") {
		t.Errorf("line %q", line)
	}
	s.start(t)
	if line := <-lines; !strings.Contains(line, "connected again") {
		t.Errorf("line %q", line)
	}
	publish(t, b, "topic", "x")
	in.until("x")
	b.Close()
	w.Close()
	for line := range lines {
		t.Errorf("line %q", line)
	}
}
