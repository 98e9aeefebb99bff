package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
	"github.com/goquart/quart/quarttest"
)

const soon = 20 * time.Second

// await waits for what other goroutines are about to do.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(soon); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, soon)
		}
	}
}

// token is the user of a request, which the authorization looks at.
var token = quart.NewKey[string]("token")

func rooms(t *testing.T) (*hub.Hub, *quarttest.Client) {
	h := hub.New(hub.Config{Authorize: func(a hub.Access) error {
		who, _ := token.Get(a.Scope)
		if who == "eve" || a.Action == hub.Publish && who == "reader" {
			return quart.ErrForbidden
		}
		return nil
	}})
	app := quart.New(quart.Config{})
	app.WhileServing(h.Serve)
	app.Use(quart.Before(func(c *quart.Ctx) error {
		token.Set(c, c.Query("token"))
		return nil
	}))
	app.Get("/sse/{room}", func(c *quart.Ctx) error { return h.Topic(c.Param("room")).SSE(c) })
	app.SSE("/follow/{room}", func(s *quart.EventStream) error { return h.Topic(s.Param("room")).Follow(s) })
	app.SSE("/who/{room}", func(s *quart.EventStream) error {
		who, _ := token.Get(s)
		if _, err := h.Topic(s.Param("room")).JoinWith(s, hub.Options{Since: s.LastEventID(), As: who}); err != nil {
			return err
		}
		return s.Park()
	})
	app.WebSocket("/ws/{room}", func(ws *quart.Socket) error { return h.Topic(ws.Param("room")).Relay(ws) })
	app.Get("/upgrade/{room}", func(c *quart.Ctx) error {
		who, since, topic := c.Query("token"), c.Query("since"), h.Topic(c.Param("room"))
		return c.Upgrade(quart.SocketConfig{}, func(ws *quart.Socket) error {
			return topic.RelayWith(ws, hub.Options{Since: since, As: who, Format: hub.Envelope})
		})
	})
	return h, quarttest.New(t, app)
}

func TestAppSSE(t *testing.T) {
	h, cl := rooms(t)
	topic := h.Topic("news")
	for _, path := range []string{"/sse/news", "/follow/news"} {
		s := cl.SSE(path)
		await(t, "joined", func() bool { return topic.Members() == 1 })
		first := publish(t, topic, "hello\nworld")
		if e := s.Next(soon); e.ID != first.String() || e.Data != "hello\nworld" || e.Name != "" {
			t.Errorf("%s: %+v", path, e)
		}
		if _, err := topic.PublishEvent(t.Context(), quart.Event{Name: "tick", Data: "1"}); err != nil {
			t.Fatal(err)
		}
		if e := s.Next(soon); e.Name != "tick" || e.Data != "1" {
			t.Errorf("%s: %+v", path, e)
		}
		s.Close()
		await(t, "left", func() bool { return topic.Members() == 0 })
		publish(t, topic, "missed")

		back := cl.SSE(path, "Last-Event-ID", s.LastEventID())
		if e := back.Next(soon); e.Data != "missed" {
			t.Errorf("%s: back: %+v", path, e)
		}
		back.Close()
		lost := cl.SSE(path, "Last-Event-ID", "xyz")
		if e := lost.Next(soon); e.Name != "recovered" || e.Data != "false" {
			t.Errorf("%s: lost: %+v", path, e)
		}
		lost.Close()
		await(t, "left", func() bool { return topic.Members() == 0 })
	}
	cl.Get("/sse/news?token=eve").Want(403)
	cl.Get("/sse/" + strings.Repeat("x", 300)).Want(400)
}

// A stream that has had no message yet knows where it was, and misses nothing.
func TestAppSSEFirstPosition(t *testing.T) {
	for _, history := range []int{0, 3} {
		topic := new(hub.Hub).Topic("news")
		app := quart.New(quart.Config{})
		app.SSE("/follow", topic.Follow)
		app.Get("/sse", topic.SSE)
		cl := quarttest.New(t, app)
		for i := range history {
			publish(t, topic, fmt.Sprint("old ", i))
		}
		for _, path := range []string{"/follow", "/sse"} {
			s := cl.SSE(path)
			await(t, "joined", func() bool { return topic.Members() == 1 && s.LastEventID() != "" })
			s.Close()
			await(t, "left", func() bool { return topic.Members() == 0 })
			publish(t, topic, "missed")
			back := cl.SSE(path, "Last-Event-ID", s.LastEventID())
			if e := back.Next(soon); e.Data != "missed" {
				t.Errorf("%s: %+v", path, e)
			}
			back.Close()
			await(t, "left", func() bool { return topic.Members() == 0 })
		}
	}
}

// TestAppRelayAndLeave: what a client sent before it left, at once, is published.
func TestAppRelayAndLeave(t *testing.T) {
	b := &slowBroker{Broker: hub.NewMemory(hub.MemoryConfig{})}
	topic := hub.New(hub.Config{Broker: b}).Topic("room")
	app := quart.New(quart.Config{})
	app.WebSocket("/", topic.Relay)
	cl := quarttest.New(t, app)
	const clients, each = 20, 10
	for range clients {
		ws := cl.WebSocket("/")
		for i := range each {
			quarttest.WriteText(t, ws, fmt.Sprint(i))
		}
		_ = ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""))
		_ = ws.Close()
	}
	await(t, "published", func() bool { return b.published.Load() == clients*each })
}

// slowBroker takes its time, and fails for a context that is done.
type slowBroker struct {
	hub.Broker
	published atomic.Int64
}

func (b *slowBroker) Publish(ctx context.Context, topic string, msg []byte) (hub.Pos, error) {
	time.Sleep(time.Millisecond)
	if err := ctx.Err(); err != nil {
		return hub.Pos{}, err
	}
	b.published.Add(1)
	return b.Broker.Publish(ctx, topic, msg)
}

// While the broker is away, streams are refused with 503 and sockets with 1013.
func TestAppBrokerAway(t *testing.T) {
	h := hub.New(hub.Config{Broker: awayBroker{}})
	app := quart.New(quart.Config{Log: slog.New(slog.DiscardHandler)})
	app.Get("/sse", h.Topic("x").SSE)
	app.WebSocket("/ws", h.Topic("x").Relay)
	app.Post("/publish", func(c *quart.Ctx) error {
		_, err := h.Topic("x").Publish(c.Context(), []byte("m"))
		return err
	})
	cl := quarttest.New(t, app)
	cl.Get("/sse").Want(503)
	cl.Post("/publish").Want(503)
	if e := quarttest.ReadClose(t, cl.WebSocket("/ws")); e.Code != 1013 {
		t.Errorf("closed with %d", e.Code)
	}
}

type awayBroker struct{}

func (awayBroker) Publish(context.Context, string, []byte) (hub.Pos, error) {
	return hub.Pos{}, errors.New("away")
}

func (awayBroker) Subscribe(string, hub.Pos, func(hub.Pos, []byte)) (func(), bool, error) {
	return nil, false, errors.New("away")
}

// A message that the broker will never take is the client's fault: 413, and 1009 for a socket, neither of which is worth a line in the log.
func TestAppTooLong(t *testing.T) {
	var log strings.Builder
	h := hub.New(hub.Config{Broker: shortBroker{hub.NewMemory(hub.MemoryConfig{})}})
	app := quart.New(quart.Config{Log: textLog(&log)})
	app.WebSocket("/ws", h.Topic("x").Relay)
	app.Post("/publish", func(c *quart.Ctx) error {
		_, err := h.Topic("x").Publish(c.Context(), []byte("m"))
		return err
	})
	cl := quarttest.New(t, app)
	cl.Post("/publish").Want(413)
	ws := cl.WebSocket("/ws")
	quarttest.WriteText(t, ws, "m")
	if e := quarttest.ReadClose(t, ws); e.Code != 1009 || e.Reason != "too long" {
		t.Errorf("closed with %+v", e)
	}
	if err := cl.Stop(); err != nil {
		t.Error(err)
	}
	if log.Len() > 0 {
		t.Errorf("log: %s", &log)
	}
}

// shortBroker takes no message at all.
type shortBroker struct{ hub.Broker }

func (shortBroker) Publish(context.Context, string, []byte) (hub.Pos, error) {
	return hub.Pos{}, fmt.Errorf("broker: %w", quart.Errorf(413, "too long"))
}

func TestAppPresence(t *testing.T) {
	h, cl := rooms(t)
	ada := cl.SSE("/who/room?token=ada")
	if e := ada.Next(soon); e.Name != "present" || e.Data != `["ada"]` {
		t.Errorf("%+v", e)
	}
	bob := cl.SSE("/who/room?token=bob")
	for e := ada.Next(soon); e.Data != "bob"; e = ada.Next(soon) {
		if e.Name != "join" || e.Data != "ada" { // its own, if it was still on the way
			t.Errorf("%+v", e)
		}
	}
	await(t, "both", func() bool { return len(h.Topic("room").Present()) == 2 })
	bob.Close()
	if e := ada.Next(soon); e.Name != "leave" || e.Data != "bob" {
		t.Errorf("%+v", e)
	}
}

// TestAppStops: a stream that a hub keeps open ends when the app stops, properly, and the hub is empty then.
func TestAppStops(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	t.Run("", func(t *testing.T) {
		h, cl := rooms(t)
		streams := []*quarttest.Stream{cl.SSE("/sse/a"), cl.SSE("/follow/a"), cl.SSE("/who/a?token=x")}
		await(t, "joined", func() bool { return h.Topic("a").Members() == 3 })
		publish(t, h.Topic("a"), "x")
		if err := cl.Stop(); err != nil {
			t.Fatal(err)
		}
		for _, s := range streams {
			s.Close()
		}
		if s := h.Stats(); s.Members != 0 || s.Topics != 0 {
			t.Errorf("left behind: %+v", s)
		}
		if _, err := h.Topic("a").Publish(context.Background(), nil); !errors.Is(err, quart.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
	for end := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
		if time.Now().After(end) { // idle workers of fasthttp take 10 s
			buf := make([]byte, 1<<20)
			t.Fatalf("goroutines are left: %s", buf[:runtime.Stack(buf, true)])
		}
	}
}

func TestAppRelay(t *testing.T) {
	h, cl := rooms(t)
	one, two, events := cl.WebSocket("/ws/room"), cl.WebSocket("/ws/room"), cl.SSE("/sse/room")
	await(t, "joined", func() bool { return h.Topic("room").Members() == 3 })
	quarttest.WriteText(t, one, "hello")
	for range 2 {
		one, two = two, one
		if got := quarttest.ReadText(t, one); got != "hello" {
			t.Errorf("got %q", got)
		}
	}
	if e := events.Next(soon); e.Data != "hello" {
		t.Errorf("%+v", e)
	}
	if err := two.WriteMessage(2, []byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if kind, got, err := one.ReadMessage(); kind != 2 || string(got) != "\x01\x02\x03" || err != nil {
		t.Errorf("binary: %d %q %v", kind, got, err)
	}
	if e := events.Next(soon); e.Data != "AQID" {
		t.Errorf("%+v", e)
	}
	_ = two.Close()
	await(t, "left", func() bool { return h.Topic("room").Members() == 2 })

	reader := cl.WebSocket("/ws/room?token=reader")
	quarttest.WriteText(t, reader, "may I?")
	if e := quarttest.ReadClose(t, reader); e.Code != 1008 {
		t.Errorf("%+v", e)
	}
	if e := quarttest.ReadClose(t, cl.WebSocket("/ws/room?token=eve")); e.Code != 1008 {
		t.Errorf("%+v", e)
	}
	await(t, "left", func() bool { return h.Topic("room").Members() == 2 })
}

func TestAppEnvelope(t *testing.T) {
	h, cl := rooms(t)
	type envelope struct {
		Topic, ID, Data, Join, Leave string
		Recovered                    *bool
		Present                      []string
	}
	ada := cl.WebSocket("/upgrade/room?token=ada")
	next := func() (e envelope) {
		t.Helper()
		if err := json.Unmarshal([]byte(quarttest.ReadText(t, ada)), &e); err != nil || e.Topic != "room" {
			t.Fatal(err, e)
		}
		return e
	}
	if e := next(); e.ID == "" || e.Recovered == nil || *e.Recovered || fmt.Sprint(e.Present) != "[ada]" {
		t.Errorf("hello: %+v", e)
	}
	bob := cl.WebSocket("/upgrade/room?token=bob")
	for e := next(); e.Join != "bob"; e = next() {
		if e.Join != "ada" {
			t.Errorf("%+v", e)
		}
	}
	quarttest.WriteText(t, bob, "hi")
	e := next()
	if e.Data != "hi" || e.ID == "" {
		t.Errorf("%+v", e)
	}
	since := e.ID
	_ = bob.Close()
	if e := next(); e.Leave != "bob" {
		t.Errorf("%+v", e)
	}
	publish(t, h.Topic("room"), "one more")
	ada = cl.WebSocket("/upgrade/room?token=ada&since=" + since)
	if e := next(); e.ID != since || !*e.Recovered {
		t.Errorf("back: %+v", e)
	}
	if e := next(); e.Data != "one more" {
		t.Errorf("back: %+v", e)
	}
}
