package quart_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

// goneApp has a handler that waits until its client has left.
func goneApp(cfg quart.Config) (*quart.App, chan error, *logBuffer) {
	app, log := newApp(cfg)
	left := make(chan error, 1)
	app.Get("/wait", func(c *quart.Ctx) error {
		ctx := c.Context()
		<-ctx.Done()
		left <- context.Cause(ctx)
		return ctx.Err()
	})
	app.Post("/wait", func(c *quart.Ctx) error {
		ctx := c.Context()
		if _, err := c.Body(); err != nil {
			return err
		}
		<-ctx.Done()
		left <- context.Cause(ctx)
		return nil
	})
	app.Get("/ask", func(c *quart.Ctx) error {
		if err := c.Context().Err(); err != nil {
			return err
		}
		return c.Text(200, "still there")
	})
	return app, left, log
}

func TestClientGone(t *testing.T) {
	app, left, log := goneApp(quart.Config{})
	s := serve(t, app)
	const ask = "GET /ask HTTP/1.1\r\nHost: a\r\n\r\n"
	const wait = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, tt := range []struct {
		name  string
		do    func(nc net.Conn)
		leave func(nc net.Conn)
	}{
		{"close", func(nc net.Conn) { send(t, nc, wait) }, func(nc net.Conn) { _ = nc.Close() }},
		{"reset", func(nc net.Conn) { send(t, nc, wait) }, func(nc net.Conn) {
			_ = nc.(*net.TCPConn).SetLinger(0)
			_ = nc.Close()
		}},
		{"half close", func(nc net.Conn) { send(t, nc, wait) }, func(nc net.Conn) { _ = nc.(*net.TCPConn).CloseWrite() }},
		{"after keep-alive requests", func(nc net.Conn) {
			br := newReader(nc)
			for range 3 {
				send(t, nc, ask)
				readAnswer(t, br, "GET").want(t, 200, "still there")
			}
			send(t, nc, wait)
		}, func(nc net.Conn) { _ = nc.Close() }},
		{"with a pipelined request", func(nc net.Conn) { send(t, nc, wait+ask) }, func(nc net.Conn) { _ = nc.Close() }},
		{"with a body that was read", func(nc net.Conn) {
			send(t, nc, "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
		}, func(nc net.Conn) { _ = nc.Close() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nc := s.dial()
			tt.do(nc)
			tt.leave(nc)
			if cause := <-left; cause != quart.ErrClosed {
				t.Errorf("cause %v", cause)
			}
		})
	}
	if strings.Contains(log.String(), "ERROR") {
		t.Errorf("a client that leaves is logged as an error: %s", log)
	}
}

func TestClientGoneTLS(t *testing.T) {
	cert := certificate(t)
	app, left, _ := goneApp(quart.Config{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
	s := serve(t, app)
	nc, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	br := newReader(nc)
	for range 2 {
		send(t, nc, "GET /ask HTTP/1.1\r\nHost: a\r\n\r\n")
		readAnswer(t, br, "GET").want(t, 200, "still there")
	}
	send(t, nc, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
	_ = nc.Close()
	if cause := <-left; cause != quart.ErrClosed {
		t.Errorf("cause %v", cause)
	}
}

// TestClientGoneInMemory: connections without a descriptor tell by themselves.
func TestClientGoneInMemory(t *testing.T) {
	app, left, _ := goneApp(quart.Config{})
	cl := quarttest.New(t, app)
	cl.Get("/ask").Want(200)
	cl.Get("/wait").Start()()
	if cause := <-left; cause != quart.ErrClosed {
		t.Errorf("cause %v", cause)
	}
}

// TestContextEnds: on return, on a deadline, and at the end of the grace.
func TestContextEnds(t *testing.T) {
	app, _ := newApp(quart.Config{ShutdownGrace: 20 * time.Millisecond})
	kept := make(chan context.Context, 1)
	app.Get("/", func(c *quart.Ctx) error {
		kept <- c.Context()
		return c.Text(200, "")
	})
	running := make(chan struct{})
	ended := make(chan error, 1)
	app.Get("/long", func(c *quart.Ctx) error {
		ctx := c.Context()
		close(running)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := contextWithCancel()
	done := make(chan error, 1)
	go func() { done <- app.Serve(ctx, l) }()
	s := &served{t: t, addr: l.Addr().String()}
	nc := s.dial()
	br := newReader(nc)
	send(t, nc, get11)
	readAnswer(t, br, "GET")
	c := <-kept
	<-c.Done()
	if cause := context.Cause(c); cause != context.Canceled {
		t.Errorf("after the response: %v", cause)
	}
	send(t, nc, "GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
	<-running
	stop()
	if cause := <-ended; cause != context.Canceled {
		t.Errorf("at the stop: %v", cause)
	}
	if err := <-done; err == nil {
		t.Error("Serve does not tell that a request was cut off")
	}
}

// TestWatchingStopsWithTheConnection: nothing stays behind.
func TestWatchingLeavesNothing(t *testing.T) {
	app, _, _ := goneApp(quart.Config{})
	s := serve(t, app)
	for range 50 {
		nc := s.dial()
		send(t, nc, "GET /ask HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if b, err := io.ReadAll(nc); err != nil || !slices.Contains(strings.Split(string(b), "\r\n"), "still there") {
			t.Fatalf("%q, %v", b, err)
		}
	}
}
