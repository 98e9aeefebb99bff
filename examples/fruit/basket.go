package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
)

// fruits are what can be picked, in the order of the page.
var fruits = []string{"apple", "banana", "cherry", "grape", "orange", "pear"}

const (
	latestPicks = 8 // that everybody is shown
	// leastPause is between two picks of one page: who sends faster is read more slowly.
	leastPause = 50 * time.Millisecond
)

// pick is what a page sends.
type pick struct {
	Fruit string `json:"fruit"`
}

// Validate is asked by ReadJSON.
func (p pick) Validate() error {
	if !slices.Contains(fruits, p.Fruit) {
		return errors.New("there is no such fruit")
	}
	return nil
}

// state is what everybody sees. It is sent whole: who missed one is up to date with the next.
type state struct {
	Counts []count `json:"counts"`
	Latest []taken `json:"latest"` // the newest first
}

type count struct {
	Fruit string `json:"fruit"`
	Picks int    `json:"picks"`
}

type taken struct {
	Number int       `json:"number"`
	Fruit  string    `json:"fruit"`
	At     time.Time `json:"at"`
}

// basket is the state and who follows it. The hub keeps the last message only: it is what a new page is sent.
type basket struct {
	hub   *hub.Hub
	topic *hub.Topic

	mu    sync.Mutex // held while publishing, too: states are sent in the order in which they were made
	state state
	picks int
}

func newBasket() *basket {
	b := &basket{hub: hub.New(hub.Config{History: 1, Keep: -1}), state: state{Latest: []taken{}}}
	b.topic = b.hub.Topic("picks")
	for _, fruit := range fruits {
		b.state.Counts = append(b.state.Counts, count{Fruit: fruit})
	}
	_, _ = b.topic.PublishJSON(context.Background(), b.state) // in memory: it cannot fail
	return b
}

// serve serves one page.
func (b *basket) serve(ws *quart.Socket) error {
	if _, err := b.topic.JoinWith(ws, hub.Options{Since: hub.Recent}); err != nil {
		return err
	}
	for {
		var p pick
		if err := ws.ReadJSON(&p); err != nil {
			return err // what is no pick closes the socket, with the reason
		}
		if err := b.take(p.Fruit); err != nil {
			return err
		}
		time.Sleep(leastPause)
	}
}

// take counts a pick and tells everybody, also if its page has left meanwhile.
func (b *basket) take(fruit string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.picks++
	b.state.Counts[slices.Index(fruits, fruit)].Picks++
	b.state.Latest = slices.Insert(b.state.Latest, 0, taken{b.picks, fruit, time.Now().UTC()})
	b.state.Latest = b.state.Latest[:min(len(b.state.Latest), latestPicks)]
	_, err := b.topic.PublishJSON(context.Background(), b.state)
	return err
}
