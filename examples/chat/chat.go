package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
)

const (
	// mostRooms is how many a visitor may be in at a time.
	mostRooms = 20
	// burst is how many messages may come at once before the rate holds: who comes back joins all rooms.
	burst = 2 * mostRooms
	// publishWithin is how long a message waits for a broker that is away.
	publishWithin = 10 * time.Second
)

type chat struct {
	rooms *hub.Hub
	rate  float64
	log   *slog.Logger
}

// visitor is who is at the other end of a socket.
type visitor struct {
	chat   *chat
	socket *quart.Socket
	name   string
	in     map[string]*hub.Member // by room
}

// talk serves a socket. Its memberships end with it.
func (ch *chat) talk(s *quart.Socket) error {
	var hello hello
	if err := s.ReadJSON(&hello); err != nil {
		return err // a bad name closes the socket, with the reason
	}
	v := &visitor{chat: ch, socket: s, name: hello.Name, in: map[string]*hub.Member{}}
	pace := newPace(ch.rate, burst)
	for {
		var cmd command
		if err := s.ReadJSON(&cmd); err != nil {
			return err
		}
		if err := pace.wait(s.Context()); err != nil {
			return quart.ErrClosed
		}
		if err := v.do(cmd); err != nil {
			return err
		}
	}
}

// do does what cmd says and answers. Its error ends the socket.
func (v *visitor) do(cmd command) error {
	answer := answer{Do: cmd.Do, Room: cmd.Room, Key: cmd.Key}
	err := cmd.check()
	if err == nil {
		switch cmd.Do {
		case "join":
			err = v.join(cmd)
		case "leave":
			err = v.leave(cmd)
		case "say":
			answer.ID, err = v.say(cmd)
		}
	}
	if refusal, ok := errors.AsType[refusal](err); ok {
		answer.Error = string(refusal)
	} else if err != nil {
		return err
	}
	return v.socket.WriteJSON(answer)
}

var errUnreachable = &quart.CloseError{Code: 1013, Reason: "the rooms cannot be reached, try again later"}

func (v *visitor) join(cmd command) error {
	switch {
	case v.in[cmd.Room] != nil:
		return refusal("You are in this room already.")
	case len(v.in) == mostRooms:
		return refusal("You are in as many rooms as one can be: leave another first.")
	}
	since := cmd.Since
	if since == "" {
		since = hub.Recent
	}
	m, err := v.chat.rooms.Topic(cmd.Room).JoinWith(v.socket, hub.Options{Since: since, As: v.name, Presence: true, Format: hub.Envelope})
	if err != nil {
		return v.failed("a room cannot be joined", err, errUnreachable)
	}
	v.in[cmd.Room] = m
	return nil
}

func (v *visitor) leave(cmd command) error {
	m := v.in[cmd.Room]
	if m == nil {
		return refusal("You are not in this room.")
	}
	m.Leave()
	delete(v.in, cmd.Room)
	return nil
}

// say publishes a message and returns its position. While it does, the visitor's next one waits: the order stays.
func (v *visitor) say(cmd command) (id string, err error) {
	if v.in[cmd.Room] == nil {
		return "", refusal("You are not in this room.")
	}
	ctx, cancel := context.WithTimeout(v.socket.Context(), publishWithin)
	defer cancel()
	pos, err := v.chat.rooms.Topic(cmd.Room).PublishJSON(ctx, message{From: v.name, Text: cmd.Text, Key: cmd.Key, At: time.Now().UTC()})
	if err != nil {
		return "", v.failed("a message cannot be published", err, refusal("Nobody knows whether this was sent."))
	}
	return pos.String(), nil
}

// failed is what becomes of an error of the hub. It is logged unless it is the end of the socket.
func (v *visitor) failed(what string, err, otherwise error) error {
	if v.socket.Context().Err() != nil || errors.Is(err, quart.ErrClosed) {
		return quart.ErrClosed
	}
	log := v.chat.log
	if log == nil {
		log = slog.Default()
	}
	log.Warn("chat: "+what, "error", err)
	return otherwise
}
