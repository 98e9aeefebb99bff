//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/goquart/quart/bench/internal/proc"

	"golang.org/x/sys/unix"
)

// A client holds any number of event streams open and counts what they bring,
// from one goroutine by an epoll of its own: Go's poller and scheduler would add
// their delays to what is measured.
type client struct {
	epoll   int
	events  []unix.EpollEvent
	streams []*stream
	buf     []byte
	kept    []byte // all that the first stream brought
}

type stream struct {
	fd    int
	count int   // events so far
	first int64 // when the first one of the round came, monotonic; 0: not yet
}

// stuck is how long nothing at all may come.
const stuck = 10 * time.Second

// openStreams connects n streams and awaits the event that each begins with.
func openStreams(ctx context.Context, addr netip.AddrPort, path string, n int) (c *client, err error) {
	c = &client{events: make([]unix.EpollEvent, 256), buf: make([]byte, 64<<10)}
	if c.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: " + addr.String() + "\r\nAccept: text/event-stream\r\n\r\n")
	for range n {
		if err = c.connect(addr, request); err != nil {
			break
		}
	}
	if err == nil {
		_, err = c.await(ctx, 1)
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("open %s at %s: %w", path, addr, err)
	}
	return c, nil
}

func (c *client) connect(addr netip.AddrPort, request []byte) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c.streams = append(c.streams, &stream{fd: fd}) // from here on close closes it
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		return err
	}
	if n, err := unix.Write(fd, request); err != nil || n < len(request) {
		return errors.Join(errors.New("the request was not taken"), err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(c.streams) - 1)} // Fd is ours to fill: the index
	return unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, fd, &event)
}

func (c *client) close() {
	for _, s := range c.streams {
		_ = unix.Close(s.fd)
	}
	_ = unix.Close(c.epoll)
}

// await reads until every stream has brought want events in all, and returns when each brought its first one since the last call.
// A stream that ends or brings more is an error.
func (c *client) await(ctx context.Context, want int) (firsts []int64, err error) {
	missing := 0
	for _, s := range c.streams {
		s.first = 0
		if s.count < want {
			missing++
		}
	}
	for missing > 0 {
		ready, err := c.wait(ctx)
		if err != nil {
			return nil, err
		}
		if len(ready) == 0 {
			return nil, fmt.Errorf("%d of %d streams miss events, and nothing came for %v", missing, len(c.streams), stuck)
		}
		for _, event := range ready {
			s := c.streams[event.Fd]
			before := s.count
			if err := c.receive(s, event.Fd == 0); err != nil {
				return nil, err
			}
			if s.count > want {
				return nil, fmt.Errorf("stream %d brought %d events, want %d", event.Fd, s.count, want)
			}
			if before < want && s.count == want {
				missing--
			}
		}
	}
	for _, s := range c.streams {
		firsts = append(firsts, s.first)
	}
	return firsts, nil
}

// wait returns the streams with something to read, as events.
func (c *client) wait(ctx context.Context) ([]unix.EpollEvent, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := unix.EpollWait(c.epoll, c.events, int(stuck.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return c.events[:n], nil
	}
}

func (c *client) receive(s *stream, keep bool) error {
	n, err := unix.Read(s.fd, c.buf)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return err
	case n == 0:
		return fmt.Errorf("the server ended a stream after %d events", s.count)
	}
	if keep {
		c.kept = append(c.kept, c.buf[:n]...)
	}
	events := bytes.Count(c.buf[:n], []byte{eventMark})
	if events > 0 && s.first == 0 {
		s.first = proc.Monotonic()
	}
	s.count += events
	return nil
}

// check reads what the first stream brought as a browser would: it must be an event stream of want times the event.
func (c *client) check(want int) error {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(c.kept)), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != "text/event-stream" {
		return fmt.Errorf("answer %s of type %q", resp.Status, kind)
	}
	events, data := 0, ""
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		switch field, value, _ := strings.Cut(lines.Text(), ": "); {
		case field == "data":
			data += value
		case field == "" && data == eventData:
			events++
			data = ""
		case field == "" && data != "":
			return fmt.Errorf("event %q", data)
		}
	}
	if events != want {
		return fmt.Errorf("the first stream has %d events, want %d", events, want)
	}
	return nil
}
