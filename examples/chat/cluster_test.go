package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart/hub"
)

// With more messages than the default the cluster's test is a measurement:
//
//	go test ./examples/chat -run Cluster -v -timeout 30m -messages 100000
var (
	clusterMessages = flag.Int("messages", 1_000, "how many messages the visitors of the cluster send, together")
	clusterRate     = flag.Int("per-second", 400, "how many of them in a second")
)

// TestCluster: two copies of the chat share a room, with two visitors at each. In the middle the broker is killed, and started again half a second later.
// What was accepted arrives at every visitor once, for all in the same order, and nobody loses the connection.
func TestCluster(t *testing.T) {
	tests := []struct {
		name  string
		start func(*testing.T) *backend
	}{
		{"NATS", startNATS},
		{"Redis", startRedis},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := tt.start(t)
			addrs := [2]string{startChat(t, b.url), startChat(t, b.url)}
			var all []*talker
			for i := range 4 {
				all = append(all, newTalker(t, addrs[i%2], i))
			}
			for _, tk := range all {
				tk.awaitPresent(len(all))
			}
			each := *clusterMessages / len(all)
			var wg sync.WaitGroup
			begin := time.Now()
			pause := time.Second * time.Duration(len(all)) / time.Duration(*clusterRate)
			for _, tk := range all {
				wg.Go(func() { tk.talk(begin, pause, each) })
			}
			all[0].awaitHeard(each * len(all) / 2)
			down := time.Now()
			b.kill()
			wantServing(t, addrs)
			time.Sleep(500 * time.Millisecond) // messages come in the meantime
			b.start()
			up := time.Now()
			wg.Wait()
			for _, tk := range all {
				tk.awaitAnswers(each)
			}
			accepted, refused := outcome(all)
			for _, tk := range all {
				tk.awaitKeys(accepted)
			}
			report(t, all, accepted, refused, down, up)
		})
	}
}

// wantServing wants both copies to serve their page.
func wantServing(t *testing.T, addrs [2]string) {
	t.Helper()
	for _, addr := range addrs {
		resp, err := http.Get("http://" + addr + "/")
		if err != nil {
			t.Error(err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("without its broker a copy answers %s", resp.Status)
		}
	}
}

// talker is a visitor that talks and listens. Its messages are "number time".
type talker struct {
	t      *testing.T
	number int
	name   string
	ws     *websocket.Conn

	mu       sync.Mutex
	changed  *sync.Cond
	present  map[string]bool
	heard    []heard
	keys     map[string]int    // how often each was heard
	answered map[string]string // "" or the error, by key
	err      error             // why it hears no more
}

type heard struct {
	pos  hub.Pos
	key  string
	sent time.Time // when it was due to be sent
	at   time.Time
}

const clusterRoom = "cluster"

func newTalker(t *testing.T, addr string, number int) *talker {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/talk", nil)
	if err != nil {
		t.Fatal(err)
	}
	tk := &talker{
		t: t, number: number, name: fmt.Sprint("visitor ", number), ws: ws,
		present: map[string]bool{}, keys: map[string]int{}, answered: map[string]string{},
	}
	tk.changed = sync.NewCond(&tk.mu)
	for _, m := range []any{hello{Name: tk.name}, command{Do: "join", Room: clusterRoom}} {
		if err := ws.WriteJSON(m); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan struct{})
	go func() {
		tk.listen()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = ws.Close()
		<-ended
	})
	return tk
}

func (tk *talker) listen() {
	for {
		var r received
		_, data, err := tk.ws.ReadMessage()
		at := time.Now()
		if err == nil {
			err = json.Unmarshal(data, &r)
		}
		tk.mu.Lock()
		tk.take(r, at)
		tk.err = err
		tk.changed.Broadcast()
		tk.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// take notes what was heard. mu is held.
func (tk *talker) take(r received, at time.Time) {
	for _, name := range append(r.Present, r.Join) {
		tk.present[name] = true
	}
	switch {
	case r.Do == "say":
		tk.answered[r.Key] = r.Error
	case r.Data != nil:
		_, due, _ := strings.Cut(r.Data.Text, " ")
		ns, _ := strconv.ParseInt(due, 10, 64)
		pos, _ := hub.ParsePos(r.ID)
		tk.heard = append(tk.heard, heard{pos, r.Data.Key, time.Unix(0, ns), at})
		tk.keys[r.Data.Key]++
	}
}

// talk sends n messages, one at each interval: when the copy reads slowly they are late, but the time that counts is when they were due.
func (tk *talker) talk(begin time.Time, pause time.Duration, n int) {
	for i := range n {
		due := begin.Add(time.Duration(i) * pause)
		time.Sleep(time.Until(due))
		text := strconv.Itoa(i) + " " + strconv.FormatInt(due.UnixNano(), 10)
		if err := tk.ws.WriteJSON(command{Do: "say", Room: clusterRoom, Text: text, Key: fmt.Sprintf("%d-%d", tk.number, i)}); err != nil {
			tk.t.Error(err)
			return
		}
	}
}

// await waits until ok, which is called with mu held, as long as something comes now and then.
func (tk *talker) await(what string, ok func() bool) {
	tk.t.Helper()
	const quiet = 30 * time.Second
	tk.mu.Lock()
	defer tk.mu.Unlock()
	for !ok() && tk.err == nil {
		silent := false
		timer := time.AfterFunc(quiet, func() {
			tk.mu.Lock()
			silent = true
			tk.changed.Broadcast()
			tk.mu.Unlock()
		})
		tk.changed.Wait()
		timer.Stop()
		if silent {
			break
		}
	}
	if !ok() {
		tk.t.Fatalf("%s: no %s; %d messages heard, %d answers, %v", tk.name, what, len(tk.heard), len(tk.answered), tk.err)
	}
}

func (tk *talker) awaitPresent(n int) {
	tk.t.Helper()
	tk.await("visitors", func() bool { return len(tk.present) > n }) // and ""
}

func (tk *talker) awaitHeard(n int) {
	tk.t.Helper()
	tk.await("messages", func() bool { return len(tk.heard) >= n })
}

func (tk *talker) awaitAnswers(n int) {
	tk.t.Helper()
	tk.await("answers", func() bool { return len(tk.answered) >= n })
}

// awaitKeys waits for all that was accepted, or until nothing comes any more: what is missing is counted later.
func (tk *talker) awaitKeys(accepted []string) {
	missing := func() bool { return slices.ContainsFunc(accepted, func(key string) bool { return tk.keys[key] == 0 }) }
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		tk.mu.Lock()
		done := len(tk.keys) >= len(accepted) && !missing()
		tk.mu.Unlock()
		if done {
			return
		}
	}
}

// outcome returns the keys of what was accepted, and of what nobody knows about.
func outcome(all []*talker) (accepted, refused []string) {
	for _, tk := range all {
		tk.mu.Lock()
		for key, err := range tk.answered {
			if err == "" {
				accepted = append(accepted, key)
			} else {
				refused = append(refused, key)
			}
		}
		tk.mu.Unlock()
	}
	return accepted, refused
}

// report counts what is wrong, and says how long messages took from one copy to the other.
func report(t *testing.T, all []*talker, accepted, refused []string, down, up time.Time) {
	t.Helper()
	var lost, doubled, disordered int
	var every, calm []time.Duration
	all[0].mu.Lock()
	order := slices.Clone(all[0].heard)
	all[0].mu.Unlock()
	for _, tk := range all {
		tk.mu.Lock()
		for _, key := range accepted {
			if tk.keys[key] == 0 {
				lost++
			}
		}
		for _, n := range tk.keys {
			doubled += n - 1
		}
		disordered += tk.disordered(order)
		for _, h := range tk.heard {
			if sender, _ := strconv.Atoi(h.key[:1]); sender%2 == tk.number%2 {
				continue // of the same copy
			}
			every = append(every, h.at.Sub(h.sent))
			if h.at.Before(down) || h.sent.After(up.Add(3*time.Second)) {
				calm = append(calm, h.at.Sub(h.sent))
			}
		}
		tk.mu.Unlock()
	}
	if lost+doubled+disordered > 0 {
		t.Errorf("%d messages are lost, %d doubled, %d out of order", lost, doubled, disordered)
	}
	t.Logf("%d messages accepted, %d refused, at %d a second; %d lost, %d doubled, %d out of order at %d visitors; the broker was away for %v",
		len(accepted), len(refused), *clusterRate, lost, doubled, disordered, len(all), up.Sub(down).Round(time.Millisecond))
	t.Logf("from one copy to the other: %s; but for what was under way in the outage and 3 s after it: %s", times(every), times(calm))
}

// disordered counts the messages that are not behind the one before, or that another visitor has heard at another place. mu is held.
func (tk *talker) disordered(order []heard) (n int) {
	next := map[byte]int{} // by sender
	for i, h := range tk.heard {
		number, _ := strconv.Atoi(h.key[2:])
		behind := i == 0 || h.pos.Epoch == tk.heard[i-1].pos.Epoch && h.pos.Seq > tk.heard[i-1].pos.Seq
		if !behind || number < next[h.key[0]] || i < len(order) && order[i].pos != h.pos {
			n++
		}
		next[h.key[0]] = number + 1
	}
	return n
}

func times(d []time.Duration) string {
	if len(d) == 0 {
		return "nothing"
	}
	slices.Sort(d)
	at := func(q float64) time.Duration { return d[int(q*float64(len(d)-1))].Round(10 * time.Microsecond) }
	return fmt.Sprintf("p50 %v, p99 %v, p99.9 %v, max %v", at(.5), at(.99), at(.999), at(1))
}
