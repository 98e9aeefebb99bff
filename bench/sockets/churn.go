//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/goquart/quart/bench/internal/proc"

	"golang.org/x/sys/unix"
)

// wave is how many sockets are open at once while they come and go.
const wave = 500

// A churnRow is what is left of sockets that came, had one message answered and went, half of them with a close frame.
type churnRow struct {
	Server                            string
	Sockets                           int
	GoroutinesBefore, GoroutinesAfter int64
	HeapBefore, HeapAfter             int64   // bytes
	ResidentBefore, ResidentAfter     int64   // bytes
	CPU                               float64 // of the server, microseconds for each socket
}

func measureChurn(ctx context.Context, cfg config) (rows []churnRow, err error) {
	for _, p := range cfg.Peers {
		if p.Name == bareName {
			continue // it answers no close frame
		}
		progress("churn: %s", p.Name)
		profile := cfg.profileFile("churn " + p.Name)
		err := cfg.withServer(ctx, p.Name, profile, "", func(ctx context.Context, s *proc.Server) error {
			row, err := cfg.churn(ctx, s)
			row.Server = p.Name
			rows = append(rows, row)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return rows, nil
}

// churn lets a first wave come and go before it counts: pools and the like are no leak.
func (cfg *config) churn(ctx context.Context, s *proc.Server) (row churnRow, err error) {
	start, err := s.Ask1("goroutines")
	if err != nil {
		return row, err
	}
	if err := comeAndGo(ctx, s, min(wave, cfg.Churn)); err != nil {
		return row, err
	}
	if row.GoroutinesBefore, row.HeapBefore, row.ResidentBefore, err = cfg.rest(s, start); err != nil {
		return row, err
	}
	before, err := s.Ask1("cpu")
	if err != nil {
		return row, err
	}
	for row.Sockets < cfg.Churn {
		n := min(wave, cfg.Churn-row.Sockets)
		if err := comeAndGo(ctx, s, n); err != nil {
			return row, err
		}
		row.Sockets += n
	}
	after, err := s.Ask1("cpu")
	if err != nil {
		return row, err
	}
	row.CPU = time.Duration(after-before).Seconds() * 1e6 / float64(row.Sockets)
	row.GoroutinesAfter, row.HeapAfter, row.ResidentAfter, err = cfg.rest(s, row.GoroutinesBefore)
	return row, err
}

// rest waits until the server has as many goroutines as before, and returns what it has.
func (cfg *config) rest(s *proc.Server, want int64) (goroutines, heap, resident int64, err error) {
	if goroutines, err = s.WaitGoroutines(cfg.Settle, want); err != nil {
		return 0, 0, 0, err
	}
	memory, err := s.Ask("memory", 3)
	if err != nil {
		return 0, 0, 0, err
	}
	return goroutines, memory[1], memory[0], nil
}

// comeAndGo is one wave. Every other socket ends as it should; the rest close the connection.
func comeAndGo(ctx context.Context, s *proc.Server, n int) error {
	c, err := dial(ctx, s.Addr, echoPath, n)
	if err != nil {
		return err
	}
	defer c.close()
	if _, _, err := c.rally(ctx, clientFrame(binaryByte, payload(64)), serverFrame(binaryByte, payload(64)), 0); err != nil {
		return err
	}
	normal := []byte{0x03, 0xe8} // 1000
	for i := range c.sockets {
		if i%2 == 0 {
			err = c.write(i, clientFrame(closeByte, normal))
		} else {
			err = unix.EpollCtl(c.epoll, unix.EPOLL_CTL_DEL, c.sockets[i].fd, nil)
			c.sockets[i].ended = true
		}
		if err != nil {
			return err
		}
	}
	return c.awaitEnd(ctx, serverFrame(closeByte, normal))
}

// awaitEnd wants the frame and then the end of each connection.
func (c *client) awaitEnd(ctx context.Context, frame []byte) error {
	for i, s := range c.sockets {
		for units := s.units; !s.ended; {
			if _, err := c.wait(ctx); err != nil {
				return fmt.Errorf("socket %d: %w", i, err)
			}
			if err := c.receive(s, frame); err != nil && (!errors.Is(err, errEnded) || s.units == units) {
				return fmt.Errorf("socket %d: %w", i, err)
			}
		}
	}
	return nil
}
