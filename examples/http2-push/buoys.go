package main

import (
	"math"
	"time"

	"github.com/goquart/quart"
)

const (
	every   = 250 * time.Millisecond // between two measurements
	history = 60                     // of them come at the beginning
)

// past is the first event of a stream.
type past struct {
	Connection string    `json:"connection"` // the client's end: streams that share it name the same
	Heights    []float64 `json:"heights"`    // the latest is the last
}

// follow streams what a buoy measures: event past, and then a number for each measurement.
func follow(c *quart.Ctx) error {
	buoy := c.ParamInt("number")
	connection := c.Fast().RemoteAddr().String() // c is gone when the stream runs
	return c.SSE(func(s *quart.EventStream) error {
		first := past{Connection: connection}
		for i := range history {
			first.Heights = append(first.Heights, height(buoy, time.Now().Add(-every*time.Duration(history-1-i))))
		}
		s.SendJSON("past", first)
		for now := range s.Tick(every) {
			s.SendJSON("", height(buoy, now))
		}
		return nil // the client has left, or the app stops: Tick ends for both, so that the errors of SendJSON need no look
	})
}

// height is that of the waves around a buoy, in metres: a swell, and what the wind makes on top of it.
func height(buoy int, at time.Time) float64 {
	seconds := float64(at.UnixMilli()%3_600_000) / 1000
	wave := func(size, period float64) float64 {
		return size * math.Sin(2*math.Pi*seconds/period+float64(buoy))
	}
	swell := wave(0.6, 7+float64(buoy%5)) + wave(0.3, 3+float64(buoy%7)/2)
	return math.Round(100*(1.2+0.05*float64(buoy%9)+swell)) / 100
}
