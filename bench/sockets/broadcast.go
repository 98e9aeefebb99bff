//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/goquart/quart/bench/internal/proc"
	"github.com/goquart/quart/bench/internal/rounds"
)

const broadcastBytes = 128

// Ways to send to all, as questions to a server.
const (
	sendBare     = "bare"     // conn.Write of a frame that is encoded once
	sendNaive    = "naive"    // a message for each
	sendPrepared = "prepared" // the library's own for many
	sendPost     = "post"     // Socket.Post of a frame
	sendHub      = "hub"      // Topic.Publish
)

// A sender is one way to send to all. The first is what the others are compared to.
type sender struct {
	Name           string // in the tables
	server, method string
	path           string
	unit           []byte // what each receiver must get
}

func (cfg *config) senders() (all []sender) {
	message := announcement()
	binary, text := serverFrame(binaryByte, message), serverFrame(textByte, message)
	for _, s := range []sender{
		{"bare conn.Write", bareName, sendBare, roomPath, binary},
		{"fasthttp/websocket", fastName, sendNaive, roomPath, binary},
		{"fasthttp/websocket, prepared", fastName, sendPrepared, roomPath, binary},
		{"gorilla", goriName, sendNaive, roomPath, binary},
		{"gorilla, prepared", goriName, sendPrepared, roomPath, binary},
		{"gws", gwsName, sendNaive, roomPath, binary},
		{"gws, Broadcaster", gwsName, sendPrepared, roomPath, binary},
		{"quart, Socket.Post", ours, sendPost, roomPath, binary},
		{"quart, Topic.Publish", ours, sendHub, topicPath, text},
	} {
		if indexOf(cfg.Peers, s.server) >= 0 {
			all = append(all, s)
		}
	}
	return all
}

// A broadcastTable compares the senders with a number of receivers.
type broadcastTable struct {
	Receivers int
	Singles   []broadcastRow // one message at a time
	Bursts    []broadcastRow // messages back to back
}

type broadcastRow struct {
	Sender string
	CPU    rounds.Figure // of the server, microseconds for each message and receiver
	Ratio  rounds.Figure // to the bare write of the same round; empty without it
	Took   rounds.Figure // until the last receiver has it, milliseconds for each message
}

// A delivery is what one process gave.
type delivery struct{ cpu, took float64 }

func measureBroadcasts(ctx context.Context, cfg config) (tables []broadcastTable, err error) {
	for _, n := range cfg.Receivers {
		t, err := cfg.broadcastsTo(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("%d receivers: %w", n, err)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

func (cfg *config) broadcastsTo(ctx context.Context, receivers int) (broadcastTable, error) {
	singles, bursts := map[string][]delivery{}, map[string][]delivery{}
	for round := range cfg.Rounds {
		progress("broadcast to %d: round %d of %d", receivers, round+1, cfg.Rounds)
		for _, from := range rounds.Turns(cfg.senders(), round) {
			profile := cfg.profileFile(fmt.Sprintf("broadcast %s %d %d", from.Name, receivers, round))
			err := cfg.withServer(ctx, from.server, profile, "", func(ctx context.Context, s *proc.Server) error {
				single, burst, err := cfg.broadcast(ctx, s, from, receivers)
				singles[from.Name] = append(singles[from.Name], single)
				bursts[from.Name] = append(bursts[from.Name], burst)
				return err
			})
			if err != nil {
				return broadcastTable{}, fmt.Errorf("%s: %w", from.Name, err)
			}
		}
	}
	return broadcastTable{Receivers: receivers, Singles: cfg.broadcastRows(singles), Bursts: cfg.broadcastRows(bursts)}, nil
}

func (cfg *config) broadcastRows(got map[string][]delivery) (rows []broadcastRow) {
	for i, from := range cfg.senders() {
		row := broadcastRow{
			Sender: from.Name,
			CPU:    figure(got[from.Name], func(d delivery) float64 { return d.cpu }),
			Took:   figure(got[from.Name], func(d delivery) float64 { return d.took }),
		}
		switch {
		case i == 0 && from.server == bareName:
			row.Ratio = rounds.Of(rounds.Ratios(row.CPU.Rounds, row.CPU.Rounds))
		case len(rows) > 0 && len(rows[0].Ratio.Rounds) > 0:
			row.Ratio = rounds.Of(rounds.Ratios(row.CPU.Rounds, rows[0].CPU.Rounds))
		}
		rows = append(rows, row)
	}
	return rows
}

func (cfg *config) broadcast(ctx context.Context, s *proc.Server, from sender, receivers int) (single, burst delivery, err error) {
	c, err := dial(ctx, s.Addr, from.path, receivers)
	if err != nil {
		return single, burst, err
	}
	defer c.close()
	if err = awaitMembers(ctx, s, receivers); err != nil {
		return single, burst, err
	}
	h := &hall{server: s, client: c, from: from}
	if _, err = h.perform(ctx, 2, 1, cfg.Pause); err != nil { // warm-up
		return single, burst, err
	}
	if single, err = h.perform(ctx, cfg.Singles, 1, cfg.Pause); err != nil {
		return single, burst, err
	}
	burst, err = h.perform(ctx, cfg.Bursts, cfg.Burst, cfg.Pause)
	return single, burst, err
}

// awaitMembers waits until the server knows all members: it may answer a handshake before.
func awaitMembers(ctx context.Context, s *proc.Server, n int) error {
	ctx, cancel := context.WithTimeout(ctx, stuck)
	defer cancel()
	for {
		members, err := s.Ask1("members")
		if err != nil || members == int64(n) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server has %d members, want %d", members, n)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// A hall is a server and the sockets that listen to it.
type hall struct {
	server *proc.Server
	client *client
	from   sender
	seen   int // messages on each socket so far
}

// perform has n messages sent at once, and a pause after their arrival again, so many times.
func (h *hall) perform(ctx context.Context, times, n int, pause time.Duration) (delivery, error) {
	before, err := h.server.Ask1("cpu")
	if err != nil {
		return delivery{}, err
	}
	var took time.Duration
	for range times {
		time.Sleep(pause)
		began := time.Now()
		if err := h.server.Say(fmt.Sprintf("%s %d", h.from.method, n)); err != nil {
			return delivery{}, err
		}
		h.seen += n
		if err := h.client.await(ctx, h.from.unit, h.seen); err != nil {
			return delivery{}, err
		}
		took += time.Since(began)
		if _, err := h.server.Hear(0); err != nil {
			return delivery{}, err
		}
	}
	after, err := h.server.Ask1("cpu")
	if err != nil {
		return delivery{}, err
	}
	messages := float64(times * n)
	return delivery{
		cpu:  time.Duration(after-before).Seconds() * 1e6 / (messages * float64(len(h.client.sockets))),
		took: took.Seconds() * 1e3 / messages,
	}, nil
}
