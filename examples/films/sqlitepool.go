package main

import (
	"context"
	"errors"

	"zombiezen.com/go/sqlite"
)

// connPool hands out SQLite connections, each to one goroutine at a time; a connection keeps the statements it prepared.
// It is simpler than sqlitex.Pool, which starts a goroutine per Take to interrupt long statements: ours take microseconds.
type connPool struct {
	free   chan *sqlite.Conn
	opened int
	closed chan struct{}
}

func newConnPool(size int) *connPool {
	return &connPool{free: make(chan *sqlite.Conn, size), closed: make(chan struct{})}
}

// add gives the pool a connection, which it then owns. At most size calls, before the first take.
func (p *connPool) add(conn *sqlite.Conn) {
	conn.SetBusyTimeout(busyTimeout)
	p.opened++
	p.free <- conn
}

// take waits for a connection until ctx is done or the pool is closed.
func (p *connPool) take(ctx context.Context) (*sqlite.Conn, error) {
	select {
	case conn := <-p.free:
		return conn, nil
	case <-p.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (p *connPool) put(conn *sqlite.Conn) { p.free <- conn }

// close waits for the connections that are out and closes all. It is called once.
func (p *connPool) close() error {
	close(p.closed)
	var errs []error
	for range p.opened {
		conn := <-p.free
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}
