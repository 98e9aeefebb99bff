package main

import (
	"context"
	"time"
)

// pace lets through so many messages at once, and then one at each interval. Who sends faster is read more slowly, and waits for room on the
// connection in the end: nothing is refused, nothing piles up here.
type pace struct {
	every time.Duration
	ahead time.Duration // how far due may be ahead of the time
	due   time.Time     // when all messages so far would have come at the interval
}

// newPace makes one of rate messages a second; 0 is no limit.
func newPace(rate float64, burst int) *pace {
	if rate <= 0 {
		return &pace{}
	}
	every := time.Duration(float64(time.Second) / rate)
	return &pace{every: every, ahead: time.Duration(burst) * every}
}

// wait waits until it is the next message's turn. Errors: that of ctx.
func (p *pace) wait(ctx context.Context) error {
	now := time.Now()
	if p.due.Before(now) {
		p.due = now
	}
	p.due = p.due.Add(p.every)
	early := p.due.Sub(now) - p.ahead
	if early <= 0 {
		return nil
	}
	timer := time.NewTimer(early)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
