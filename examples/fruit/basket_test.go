package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

func newClient(t *testing.T) *quarttest.Client {
	t.Helper()
	return quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}))
}

// next returns the counts that a page is sent next, and the fruits of the latest picks.
func next(t *testing.T, ws *websocket.Conn) (counts map[string]int, latest []string) {
	t.Helper()
	var s state
	text := quarttest.ReadText(t, ws)
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	counts = map[string]int{}
	for _, c := range s.Counts {
		counts[c.Fruit] = c.Picks
	}
	for i, p := range s.Latest {
		if i > 0 && p.Number != s.Latest[i-1].Number-1 {
			t.Errorf("the picks are not in order: %+v", s.Latest)
		}
		latest = append(latest, p.Fruit)
	}
	return counts, latest
}

// TestPicks: everybody sees every pick, and who comes later sees how it stands.
func TestPicks(t *testing.T) {
	cl := newClient(t)
	ada, bob := cl.WebSocket("/picks"), cl.WebSocket("/picks")
	for _, ws := range []*websocket.Conn{ada, bob} {
		if counts, latest := next(t, ws); len(counts) != len(fruits) || counts["apple"] != 0 || len(latest) != 0 {
			t.Errorf("at the beginning: %v, %v", counts, latest)
		}
	}
	quarttest.WriteText(t, ada, `{"fruit":"apple"}`)
	for _, ws := range []*websocket.Conn{ada, bob} {
		if counts, latest := next(t, ws); counts["apple"] != 1 || fmt.Sprint(latest) != "[apple]" {
			t.Errorf("after Ada's pick: %v, %v", counts, latest)
		}
	}
	quarttest.WriteText(t, bob, `{"fruit":"pear"}`)
	for _, open := range []func() *websocket.Conn{
		func() *websocket.Conn { return ada },
		func() *websocket.Conn { return bob },
		func() *websocket.Conn { return cl.WebSocket("/picks") },
	} {
		if counts, latest := next(t, open()); counts["apple"] != 1 || counts["pear"] != 1 || fmt.Sprint(latest) != "[pear apple]" {
			t.Errorf("after Bob's pick: %v, %v", counts, latest)
		}
	}
}

// TestManyPicks: picks at the same time are all counted, and the last state is the newest.
func TestManyPicks(t *testing.T) {
	const pages, each = 8, 5
	cl := newClient(t)
	watcher := cl.WebSocket("/picks")
	var wg sync.WaitGroup
	for range pages {
		ws := cl.WebSocket("/picks")
		wg.Go(func() {
			for range each {
				if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"fruit":"grape"}`)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for want := range pages*each + 1 {
		counts, latest := next(t, watcher)
		if counts["grape"] != want || len(latest) != min(want, latestPicks) {
			t.Fatalf("%v, %v, want %d grapes", counts, latest, want)
		}
	}
	wg.Wait()
}

func TestBadPicks(t *testing.T) {
	tests := []struct {
		name, send string
		code       int
		reason     string
	}{
		{"no fruit", `{"fruit":"onion"}`, 1008, "there is no such fruit"},
		{"nothing", `{}`, 1008, "there is no such fruit"},
		{"a number", `{"fruit":1}`, 1008, ""},
		{"no JSON", `apple`, 1007, ""},
	}
	cl := newClient(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ws := cl.WebSocket("/picks")
			next(t, ws)
			quarttest.WriteText(t, ws, tt.send)
			if end := quarttest.ReadClose(t, ws); end.Code != tt.code || !strings.Contains(end.Reason, tt.reason) {
				t.Errorf("closed with %+v, want %d and %q", end, tt.code, tt.reason)
			}
		})
	}
	if counts, _ := next(t, cl.WebSocket("/picks")); len(counts) != len(fruits) {
		t.Errorf("counts: %v", counts)
	}
}

func TestPage(t *testing.T) {
	cl := newClient(t)
	page := cl.Get("/").Want(200)
	if csp := page.Header("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
	asked := []string{"/style.css", "/page.css", "/page.js", "/icon.svg"}
	for _, fruit := range fruits {
		asked = append(asked, "/"+fruit+".svg")
	}
	for _, file := range asked {
		if !strings.Contains(page.Text(), `"`+file+`"`) {
			t.Errorf("the page does not ask for %s", file)
		}
		cl.Get(file).Want(200)
	}
}
