package main

import (
	"time"

	"github.com/goquart/quart"
)

// site is the page.
type site struct {
	think time.Duration // that it takes
}

// show lets the client have what the page needs while the page is still being made.
func (s *site) show(c *quart.Ctx) error {
	c.Push("/style.css", "/page.css", "/page.js")
	select {
	case <-time.After(s.think):
	case <-c.Context().Done(): // the client has left
	}
	return c.HTML(200, index)
}
