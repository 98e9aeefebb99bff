//go:build linux

package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"

	"github.com/goquart/quart/bench/internal/proc"
)

// A source is one way to have connections that wait.
type source struct {
	Name       string // in the tables
	server     string
	path       string
	tls        bool
	goroutines int // expected for each connection
}

// helpers are goroutines that a server may have for all of its connections.
const helpers = 3

// idleSources are sockets that have had one message, and were answered.
func (cfg *config) idleSources() (all []source) {
	for _, p := range cfg.Peers {
		if p.Name == bareName {
			continue // its buffer is whatever one likes
		}
		all = append(all, source{p.Name, p.Name, echoPath, false, 1})
	}
	for _, p := range cfg.Peers {
		if p.Name == ours || p.Name == goriName {
			all = append(all, source{p.Name + ", TLS", p.Name, echoPath, true, 1})
		}
	}
	return all
}

// hubSources are members of a topic that have had one message.
func (cfg *config) hubSources() []source {
	return []source{
		{"quart, event stream of a topic", ours, eventsPath, false, 0},
		{"quart, socket in a topic", ours, topicPath, false, 1},
	}
}

// An idleRow is the cost of one open connection that waits, in bytes and goroutines of the server.
type idleRow struct {
	Source                 string
	Conns                  int
	Resident, Heap, Stacks float64 // growth of the process for each connection
	Goroutines             float64
}

func measureIdle(ctx context.Context, cfg config, sources []source) (rows []idleRow, err error) {
	dir, err := os.MkdirTemp("", "bench-sockets-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := writeCertificate(dir); err != nil {
		return nil, err
	}
	for _, src := range sources {
		progress("idle: %s", src.Name)
		where := ""
		if src.tls {
			where = dir
		}
		err := cfg.withServer(ctx, src.server, "", where, func(ctx context.Context, s *proc.Server) error {
			row, err := cfg.idleOf(ctx, s, src)
			rows = append(rows, row)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", src.Name, err)
		}
	}
	return rows, nil
}

// idleOf measures the growth between two moments of rest.
func (cfg *config) idleOf(ctx context.Context, s *proc.Server, src source) (idleRow, error) {
	conns := cfg.Idle
	if src.tls {
		conns = cfg.IdleTLS
	}
	// Some that come and go bring the code into memory, which is not what a connection costs.
	goroutines, err := s.Ask1("goroutines")
	if err != nil {
		return idleRow{}, err
	}
	closeFew, err := src.open(ctx, s, min(conns, 64))
	if err != nil {
		return idleRow{}, err
	}
	closeFew()
	if goroutines, err = s.WaitGoroutines(cfg.Settle, goroutines+helpers); err != nil {
		return idleRow{}, err
	}
	before, err := s.Ask("memory", 3)
	if err != nil {
		return idleRow{}, err
	}
	closeAll, err := src.open(ctx, s, conns)
	if err != nil {
		return idleRow{}, err
	}
	defer closeAll()
	now, err := s.WaitGoroutines(cfg.Settle, goroutines+int64(src.goroutines*conns)+helpers)
	if err != nil {
		return idleRow{}, err
	}
	after, err := s.Ask("memory", 3)
	if err != nil {
		return idleRow{}, err
	}
	if file := cfg.profileFile("idle " + src.Name); file != "" {
		if _, err := s.Ask("heap "+file, 0); err != nil {
			return idleRow{}, err
		}
	}
	each := func(before, after int64) float64 { return float64(after-before) / float64(conns) }
	return idleRow{
		Source: src.Name, Conns: conns, Goroutines: each(goroutines, now),
		Resident: each(before[0], after[0]), Heap: each(before[1], after[1]), Stacks: each(before[2], after[2]),
	}, nil
}

// open opens n connections and has each of them get one message.
func (src source) open(ctx context.Context, s *proc.Server, n int) (closeAll func(), err error) {
	if src.tls {
		return openTLS(ctx, s.Addr, n)
	}
	if src.path == eventsPath {
		return openMembers(ctx, s, handshakeEvents(s.Addr), eventStream, n)
	}
	if src.path == topicPath {
		return openMembers(ctx, s, handshake(s.Addr, topicPath), accepted, n)
	}
	c, err := dial(ctx, s.Addr, src.path, n)
	if err != nil {
		return nil, err
	}
	if _, _, err := c.rally(ctx, clientFrame(binaryByte, payload(64)), serverFrame(binaryByte, payload(64)), 0); err != nil {
		c.close()
		return nil, err
	}
	return c.close, nil
}

func handshakeEvents(addr netip.AddrPort) []byte {
	return []byte("GET " + eventsPath + " HTTP/1.1\r\nHost: " + addr.String() + "\r\nAccept: text/event-stream\r\n\r\n")
}

var eventStream = []byte("\r\nContent-Type: text/event-stream\r\n")

// openMembers opens members of a topic, and publishes one message.
func openMembers(ctx context.Context, s *proc.Server, request, accept []byte, n int) (closeAll func(), err error) {
	c, err := connect(ctx, s.Addr, request, accept, n)
	if err != nil {
		return nil, err
	}
	err = awaitMembers(ctx, s, n)
	if err == nil {
		_, err = s.Ask(sendHub+" 1", 0)
	}
	if err == nil {
		err = c.await(ctx, nil, 1)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c.close, nil
}
