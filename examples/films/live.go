package main

import (
	"context"
	_ "embed"
	"strconv"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
)

// live tells those who look at a film of its new reviews. A stream that waits costs no goroutine.
type live struct {
	hub *hub.Hub
}

// newLive keeps no history: a page that comes back loads what it has missed.
func newLive() *live { return &live{hub.New(hub.Config{History: -1})} }

// liveReview is the data of an event.
type liveReview struct {
	FilmID  int64     `json:"film_id"`
	Rating  int       `json:"rating"`
	Author  string    `json:"author,omitempty"`
	Text    string    `json:"text,omitempty"`
	Created time.Time `json:"created"`
}

func (l *live) topic(filmID int64) *hub.Topic {
	return l.hub.Topic("film " + strconv.FormatInt(filmID, 10))
}

// publish does nothing when nobody looks, which most of the time is so.
func (l *live) publish(ctx context.Context, r Review) {
	if topic := l.topic(r.FilmID); topic.Members() > 0 {
		// An error is that of a hub that stops; the review is stored.
		_, _ = topic.PublishJSON(context.WithoutCancel(ctx), liveReview(r))
	}
}

// liveReviews streams the reviews of a film as they are committed by this process.
func (f *films) liveReviews(c *quart.Ctx, in filmInput) (quart.Events[liveReview], error) {
	var none quart.Events[liveReview] // the hub answers
	if _, err := f.store.Film(c.Context(), in.ID); err != nil {
		return none, httpError(err, in.ID)
	}
	return none, f.live.topic(in.ID).SSE(c)
}

// liveJS is the module of the film's page.
//
//go:embed live.js
var liveJS []byte

func serveLiveJS(c *quart.Ctx) error {
	c.SetHeader("Cache-Control", "public, max-age=60")
	return c.Bytes(200, "text/javascript; charset=utf-8", liveJS)
}
