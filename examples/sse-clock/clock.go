package main

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/goquart/quart"
)

// clock is what the streams share.
type clock struct {
	app  *quart.App
	open atomic.Int64 // streams, a second ago at most
}

// stream sends the time every second, under ids that go on where the client's last connection ended. The number of open streams follows
// as an event of its own, without an id: the client keeps that of the time.
func (cl *clock) stream(s *quart.EventStream) error {
	id, _ := strconv.ParseUint(s.LastEventID(), 10, 63) // the client's word: at worst it counts from 0
	for now := range s.Tick(time.Second) {
		id++
		s.Send(quart.Event{ID: strconv.FormatUint(id, 10), Data: now.UTC().Format(time.RFC3339)})
		s.Send(quart.Event{Name: "streams", Data: strconv.FormatInt(cl.open.Load(), 10)})
	}
	return nil // the client has left, or the app stops: Tick ends for both, so that the errors of Send need no look
}

// count keeps the number of open streams. Stats looks at every connection: once a second for all streams, not once for each.
func (cl *clock) count(ctx context.Context) error {
	t := time.NewTicker(500 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			cl.open.Store(int64(cl.app.Stats().Streams))
		}
	}
}

// showStreams answers with the number as it is now.
func (cl *clock) showStreams(c *quart.Ctx) error {
	return c.JSON(200, struct {
		Streams int `json:"streams"`
	}{cl.app.Stats().Streams})
}
