//go:build linux

package main

import (
	"context"
	"fmt"

	"github.com/goquart/quart/bench/internal/proc"
)

// helpers are goroutines that a server may have for all of its connections.
const helpers = 8

// warmConns bring the code into memory, which is not what a connection costs.
const warmConns = 64

// An idleRow is the cost of one connection that waits after one request, in bytes and goroutines of the server.
type idleRow struct {
	Server                 string
	TLS                    bool
	Conns                  int
	Resident, Heap, Stacks float64 // growth of the process for each connection
	Goroutines             float64
}

func measureIdle(ctx context.Context, cfg config) (rows []idleRow, err error) {
	for _, secure := range []bool{false, true} {
		word := ""
		if secure {
			word = overTLS
		}
		for _, srv := range cfg.Servers {
			progress("idle: %s %s", srv.Name, word)
			err := cfg.withServer(ctx, srv.Name, "", word, func(ctx context.Context, s *proc.Server) error {
				row, err := cfg.idleOf(ctx, s, srv, secure)
				rows = append(rows, row)
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", srv.Name, word, err)
			}
		}
	}
	return rows, nil
}

// idleOf measures the growth between two moments of rest.
func (cfg *config) idleOf(ctx context.Context, s *proc.Server, srv server, secure bool) (idleRow, error) {
	goroutines, err := s.Ask1("goroutines")
	if err != nil {
		return idleRow{}, err
	}
	closeFew, err := openIdle(ctx, s, secure, warmConns)
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
	closeAll, err := openIdle(ctx, s, secure, cfg.Idle)
	if err != nil {
		return idleRow{}, err
	}
	defer closeAll()
	now, err := s.WaitGoroutines(cfg.Settle, goroutines+int64(srv.Goroutines*cfg.Idle)+helpers)
	if err != nil {
		return idleRow{}, err
	}
	after, err := s.Ask("memory", 3)
	if err != nil {
		return idleRow{}, err
	}
	if file := cfg.profileFile(fmt.Sprintf("idle %s %t", srv.Name, secure)); file != "" {
		if _, err := s.Ask("heap "+file, 0); err != nil {
			return idleRow{}, err
		}
	}
	each := func(before, after int64) float64 { return float64(after-before) / float64(cfg.Idle) }
	return idleRow{
		Server: srv.Name, TLS: secure, Conns: cfg.Idle, Goroutines: each(goroutines, now),
		Resident: each(before[0], after[0]), Heap: each(before[1], after[1]), Stacks: each(before[2], after[2]),
	}, nil
}

// openIdle opens n connections and has one request answered on each.
func openIdle(ctx context.Context, s *proc.Server, secure bool, n int) (closeAll func(), err error) {
	var clients []*client
	closeAll = func() {
		for _, c := range clients {
			c.close()
		}
	}
	for range n {
		c, err := dial(ctx, s.Addr, secure)
		if err != nil {
			closeAll()
			return nil, err
		}
		clients = append(clients, c)
		if err := c.once(plainPath, []byte(helloWorld)); err != nil {
			closeAll()
			return nil, err
		}
	}
	return closeAll, nil
}

// once wants an answer with that body.
func (c *client) once(path string, body []byte) error {
	stream, err := c.get(path)
	if err != nil {
		return err
	}
	var got []byte
	for {
		p, err := c.next()
		if err != nil {
			return err
		}
		if p.stream != stream {
			return fmt.Errorf("an answer came on stream %d, want %d", p.stream, stream)
		}
		got = append(got, p.data...)
		if p.end {
			break
		}
	}
	if string(got) != string(body) {
		return fmt.Errorf("%s answers %.40q, want %.40q", path, got, body)
	}
	return c.flush()
}
