// Minimal is a clock as a stream of server-sent events, whole: go run ./examples/sse-clock/minimal, then
// curl -N http://127.0.0.1:8080/clock.
package main

import (
	"strconv"
	"time"

	"github.com/goquart/quart"
)

func main() {
	app := quart.New(quart.Config{})
	app.SSE("/clock", func(s *quart.EventStream) error {
		id, _ := strconv.Atoi(s.LastEventID())
		for now := range s.Tick(time.Second) {
			id++
			s.Send(quart.Event{ID: strconv.Itoa(id), Data: now.Format(time.TimeOnly)})
		}
		return nil
	})
	app.Run("127.0.0.1:8080")
}
