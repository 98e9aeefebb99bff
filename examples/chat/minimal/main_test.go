package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart/examples/internal/smallest"
	"github.com/goquart/quart/quarttest"
)

func TestLines(t *testing.T) { smallest.CheckLines(t, 16) }

// TestProgram runs the program, and talks.
func TestProgram(t *testing.T) {
	talk(t, strings.TrimPrefix(smallest.Start(t), "http://"))
}

// talk: two hear each other in a room, a third in another one hears nothing of it, and one who comes later gets what was said.
func talk(t *testing.T, addr string) {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/lobby")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("the page: %s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	ada, bob, eve := dial(t, addr, "lobby"), dial(t, addr, "lobby"), dial(t, addr, "cellar")
	quarttest.WriteText(t, ada, "hello")
	for name, ws := range map[string]*websocket.Conn{"Ada": ada, "Bob": bob, "a late one": dial(t, addr, "lobby")} {
		if got := quarttest.ReadText(t, ws); got != "hello" {
			t.Errorf("%s hears %q", name, got)
		}
	}
	quarttest.WriteText(t, eve, "alone")
	if got := quarttest.ReadText(t, eve); got != "alone" {
		t.Errorf("in the other room Eve hears %q", got)
	}
}

func dial(t *testing.T, addr, room string) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/"+room, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	if err := ws.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return ws
}
