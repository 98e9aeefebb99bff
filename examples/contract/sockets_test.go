package main

import (
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

func TestSockets(t *testing.T) {
	cl := quarttest.New(t, newApp(quart.Config{}, ""))
	for _, path := range []string{"/ws", "/ws/limit"} {
		ws := cl.WebSocket(path)
		quarttest.WriteText(t, ws, "hello")
		if got := quarttest.ReadText(t, ws); got != "hello" {
			t.Errorf("%s: %q", path, got)
		}
		quarttest.WriteText(t, ws, strings.Repeat("x", 1<<20+1))
		if path == "/ws" {
			if got := quarttest.ReadText(t, ws); len(got) != 1<<20+1 {
				t.Errorf("%d bytes", len(got))
			}
		} else if e := quarttest.ReadClose(t, ws); e.Code != 1009 {
			t.Errorf("closed with %d", e.Code)
		}
	}
}

func TestBroadcast(t *testing.T) {
	cl := quarttest.New(t, newApp(quart.Config{}, ""))
	a, b := cl.WebSocket("/ws/broadcast"), cl.WebSocket("/ws/broadcast")
	// Who has its own message back is a member.
	quarttest.WriteText(t, a, "from a")
	if got := quarttest.ReadText(t, a); got != "from a" {
		t.Errorf("a: %q", got)
	}
	quarttest.WriteText(t, b, "from b")
	for got := ""; got != "from b"; { // b may have come in time for the first one
		got = quarttest.ReadText(t, b)
	}
	if got := quarttest.ReadText(t, a); got != "from b" {
		t.Errorf("a: %q", got)
	}
}

func TestTopic(t *testing.T) {
	cl := quarttest.New(t, newApp(quart.Config{}, ""))
	type answer struct {
		ID string `json:"id"`
	}
	first := quarttest.Decode[answer](cl.Post("/topic/news").Body("text/plain", []byte("one")).Want(200))
	if first.ID == "" {
		t.Fatal("no id")
	}
	stream := cl.SSE("/topic/news", "Last-Event-ID", first.ID)
	second := quarttest.Decode[answer](cl.Post("/topic/news").Body("text/plain", []byte("two\nlines")).Want(200))
	if e := stream.Next(time.Second); e.ID != second.ID || e.Data != "two\nlines" {
		t.Errorf("%+v, want id %s", e, second.ID)
	}
	cl.Post("/topic/other").Body("text/plain", []byte("\xff")).Want(400)
}
