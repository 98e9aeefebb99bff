package main

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

func TestClock(t *testing.T) {
	tests := []struct {
		name, lastEventID string
		firstID           string
	}{
		{"for the first time", "", "1"},
		{"after a reconnect", "41", "42"},
		{"no number", "eleven", "1"},
		{"negative", "-5", "1"},
		{"beyond all numbers", strings.Repeat("9", 30), strconv.FormatUint(1<<63, 10)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cl := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}))
				var header []string
				if tt.lastEventID != "" {
					header = []string{"Last-Event-ID", tt.lastEventID}
				}
				s := cl.SSE("/clock", header...)
				begin := time.Now()
				if got := nextTick(t, s); got.ID != tt.firstID {
					t.Errorf("the first id is %q, want %q", got.ID, tt.firstID)
				}
				second := nextTick(t, s)
				sent, err := time.Parse(time.RFC3339, second.Data)
				if want := begin.Add(2 * time.Second).Truncate(time.Second); err != nil || !sent.Equal(want) {
					t.Errorf("the second event says %q, want %v", second.Data, want)
				}
			})
		})
	}
}

// nextTick returns the next event with a time, and wants the number of streams behind it.
func nextTick(t *testing.T, s *quarttest.Stream) quart.Event {
	t.Helper()
	tick := s.Next(2 * time.Second)
	if streams := s.Next(10 * time.Millisecond); streams.Name != "streams" || streams.Data != "1" || streams.ID != "" {
		t.Errorf("behind the time comes %+v, want the number of streams, 1, without an id", streams)
	}
	return tick
}

// TestIDsGoOn: a server that stops ends the stream properly, and its successor goes on with the next id.
func TestIDsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}))
		s := first.SSE("/clock")
		nextTick(t, s)
		nextTick(t, s)
		if err := first.Stop(); err != nil {
			t.Fatal(err)
		}
		s.End(time.Second)
		second := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}))
		if got := nextTick(t, second.SSE("/clock", "Last-Event-ID", s.LastEventID())); got.ID != "3" {
			t.Errorf("after the restart the id is %q, want 3", got.ID)
		}
	})
}

// TestStreams: two clients are two streams, and one that leaves is noticed without waiting for a tick.
func TestStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}))
		wantStreams(t, cl, 0)
		one, two := cl.SSE("/clock"), cl.SSE("/clock")
		wantStreams(t, cl, 2)
		two.Close()
		synctest.Wait()
		wantStreams(t, cl, 1)
		nextTick(t, one)
	})
}

func wantStreams(t *testing.T, cl *quarttest.Client, want int) {
	t.Helper()
	got := quarttest.Decode[map[string]int](cl.Get("/streams").Want(200))
	if got["streams"] != want {
		t.Errorf("%v, want %d streams", got, want)
	}
}

func TestPage(t *testing.T) {
	cl := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}))
	page := cl.Get("/").Want(200)
	if got := page.Header("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	if csp := page.Header("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
	for _, file := range []string{"/style.css", "/page.css", "/page.js", "/icon.svg"} {
		if !strings.Contains(page.Text(), `"`+file+`"`) {
			t.Errorf("the page does not ask for %s", file)
		}
		cl.Get(file).Want(200)
	}
}
