package hub

import (
	"context"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goquart/quart"
	"github.com/goquart/quart/pool"
)

const (
	// MaxTopic is the most bytes that a topic's name may have.
	MaxTopic = 200
	// MaxWho is the most bytes that the name of one who is present may have.
	MaxWho = 128

	// messagePrefix and presencePrefix make two topics of the broker's out of a hub's topic.
	messagePrefix  = "m/"
	presencePrefix = "p/"
)

// validName reports whether s can name a topic or who is present: it goes into events, JSON and the broker's own names.
func validName(s string, most int) bool {
	if s == "" || len(s) > most || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return false
		}
	}
	return true
}

// Topic is a handle on one of a hub's topics. It may be kept, or made anew for every use: what is behind it is made when the first member
// joins and freed when it is not needed any more. Its methods are safe for concurrent use.
type Topic struct {
	hub *Hub
	key string // "" if the name is not valid
}

// Topic returns the topic of that name: up to MaxTopic bytes of UTF-8 without control characters. With another name all methods that return
// an error return ErrTopic. Two allocations.
func (h *Hub) Topic(name string) *Topic {
	h.init()
	t := &Topic{hub: h}
	if validName(name, MaxTopic) {
		t.key = messagePrefix + name
	}
	return t
}

// Name returns the topic's name, "" if it is not a valid one.
func (t *Topic) Name() string {
	if t.key == "" {
		return ""
	}
	return t.key[len(messagePrefix):]
}

// ---- publishing ----

// Publish sends a text message, which must be UTF-8 (ErrText), to all members, in all processes. It returns when the broker has taken it;
// members get it from a goroutine of the hub, in the order of the broker. It waits when members of this process are far behind, a second at
// most; if ctx ends meanwhile the message is not published, and the error is ctx's. It does not keep msg. The allocations do not grow with the
// members. An error of the broker is wrapped; such a message may still arrive.
func (t *Topic) Publish(ctx context.Context, msg []byte) (Pos, error) {
	return t.publish(ctx, message{kind: kindText, data: msg})
}

// PublishMessage is Publish for binary messages as well. Event streams get them in base64.
func (t *Topic) PublishMessage(ctx context.Context, msg quart.Message) (Pos, error) {
	if msg.Binary {
		return t.publish(ctx, message{kind: kindBinary, data: msg.Data})
	}
	return t.Publish(ctx, msg.Data)
}

// PublishJSON is Publish of v in JSON, encoded by Config.JSON. Members with an envelope get it as it is.
func (t *Topic) PublishJSON(ctx context.Context, v any) (Pos, error) {
	buf := pool.GetBuffer(512)
	defer pool.PutBuffer(buf)
	data, err := t.hub.cfg.JSON.Append(buf.B, v)
	if err != nil {
		return Pos{}, fmt.Errorf("hub: publish: %w", err)
	}
	buf.B = data
	return t.publish(ctx, message{kind: kindJSON, data: data})
}

// PublishEvent is Publish of e.Data with a name for the event, which event streams and envelopes show. The ID is the message's position;
// e's own, Retry and Comment are not sent.
func (t *Topic) PublishEvent(ctx context.Context, e quart.Event) (Pos, error) {
	if e.Name == "" {
		return t.Publish(ctx, []byte(e.Data))
	}
	if _, err := (quart.Event{Name: e.Name}).Frame(); err != nil {
		return Pos{}, fmt.Errorf("hub: publish: %w", err)
	}
	if !utf8.ValidString(e.Name) {
		return Pos{}, ErrText
	}
	return t.publish(ctx, message{kindEvent, e.Name, []byte(e.Data)})
}

func (t *Topic) publish(ctx context.Context, m message) (Pos, error) {
	if t.key == "" {
		return Pos{}, ErrTopic
	}
	if m.kind != kindBinary && !utf8.Valid(m.data) {
		return Pos{}, ErrText
	}
	h := t.hub
	h.mu.Lock()
	r, closed := h.rooms[t.key], h.closed
	h.mu.Unlock()
	if closed {
		return Pos{}, errClosed
	}
	if r != nil {
		if _, err := r.awaitSpace(ctx); err != nil {
			return Pos{}, &brokerError{"publish to", t.Name(), err}
		}
	}
	buf := pool.GetBuffer(len(m.data) + len(m.name) + 16)
	defer pool.PutBuffer(buf)
	buf.B = appendMessage(buf.B, m)
	pos, err := h.broker.Publish(ctx, t.key, buf.B)
	if err != nil {
		return Pos{}, &brokerError{"publish to", t.Name(), err}
	}
	h.published.Add(1)
	if r != nil {
		r.published.Add(1)
	}
	return pos, nil
}

// ---- members ----

// Join makes l a member: JoinWith with Options.Since alone.
func (t *Topic) Join(l quart.Live, since string) (leave func(), err error) {
	m, err := t.JoinWith(l, Options{Since: since})
	if err != nil {
		return nil, err
	}
	return m.Leave, nil
}

// JoinWith makes l, a Socket or an EventStream for one, a member: what is published from now on is posted to it, behind what Options.Since
// asks for. It may be a member of many topics. It leaves by Member.Leave, when its Context is done, and when a Post returns ErrClosed or
// ErrQueueFull; other errors of Post cost it the one message. Each call is a membership of its own: who joins twice gets all twice.
//
// Errors: that of Config.Authorize, ErrTopic, ErrWho, ErrTopics, quart.ErrClosed when l is over or the hub is closed, that of the broker,
// wrapped, and that of Post if l does not take the history. The broker is asked once for all members of a topic.
func (t *Topic) JoinWith(l quart.Live, o Options) (*Member, error) {
	scope, _ := l.(quart.Scope)
	if err := t.admit(Access{Action: Join, As: o.As, Live: l, Scope: scope}); err != nil {
		return nil, err
	}
	return t.join(l, o)
}

// admit asks Authorize.
func (t *Topic) admit(a Access) error {
	if t.key == "" {
		return ErrTopic
	}
	if a.As != "" && !validName(a.As, MaxWho) {
		return ErrWho
	}
	if t.hub.cfg.Authorize == nil {
		return nil
	}
	a.Topic = t.Name()
	return t.hub.cfg.Authorize(a)
}

// Follow makes s a member that resumes by its Last-Event-ID, and parks it: return its result. The stream costs no goroutine. The IDs are
// positions in this topic, so a stream that is a member of several resumes one at most. The answer has begun when it runs: who may not
// join is cut off, and comes back. SSE refuses in time.
//
//	app.SSE("/news", hub.Topic("news").Follow)
func (t *Topic) Follow(s *quart.EventStream) error {
	if _, err := t.JoinWith(s, Options{Since: s.LastEventID()}); err != nil {
		return err
	}
	return s.Park()
}

// SSE answers with the topic as an event stream, as Follow does. Who may not join gets the error of Authorize as an HTTP answer, and so
// does everybody while the broker cannot be reached: 503.
func (t *Topic) SSE(c *quart.Ctx) error { return t.SSEWith(c, Options{}) }

// SSEWith is SSE with options. Since is the client's Last-Event-ID, if it has one.
func (t *Topic) SSEWith(c *quart.Ctx, o Options) error {
	if err := t.admit(Access{Action: Join, As: o.As, Scope: c}); err != nil {
		return err
	}
	if err := t.hub.open(t.key, func() <-chan struct{} { return c.Context().Done() }); err != nil {
		return err
	}
	return c.SSE(func(s *quart.EventStream) error {
		if id := s.LastEventID(); id != "" {
			o.Since = id
		}
		if _, err := t.join(s, o); err != nil {
			return err
		}
		return s.Park()
	})
}

// Relay makes ws a member and publishes what it reads until it ends. Its result is for the socket's function to return. A message that
// cannot be published ends the socket.
//
//	app.WebSocket("/chat/{room}", func(ws *quart.Socket) error { return rooms.Topic(ws.Param("room")).Relay(ws) })
func (t *Topic) Relay(ws *quart.Socket) error { return t.RelayWith(ws, Options{}) }

// RelayWith is Relay with options.
func (t *Topic) RelayWith(ws *quart.Socket, o Options) error {
	m, err := t.JoinWith(ws, o)
	if err != nil {
		return err
	}
	defer m.Leave()
	access := Access{Action: Publish, As: o.As, Live: ws, Scope: ws}
	ctx := context.WithoutCancel(ws.Context()) // who sends a message and leaves has sent it
	for msg, err := range ws.Messages() {
		if err != nil {
			return err
		}
		if err := t.admit(access); err != nil {
			return err
		}
		if err := t.relay(ctx, msg); err != nil {
			return err
		}
	}
	return nil
}

// relayTime is how long a message of Relay may take to be published, while the broker is away for one.
const relayTime = 10 * time.Second

func (t *Topic) relay(ctx context.Context, msg quart.Message) error {
	ctx, cancel := context.WithTimeout(ctx, relayTime)
	defer cancel()
	_, err := t.PublishMessage(ctx, msg)
	return err
}

// Members returns how many members the topic has in this process.
func (t *Topic) Members() int { return t.Stats().Members }

// Stats returns the topic's counts for as long as it is in memory: from the first member on, until a while after the last one.
func (t *Topic) Stats() Stats {
	if r := t.hub.lookup(t.key); r != nil {
		return r.counters.stats(1)
	}
	return Stats{}
}
