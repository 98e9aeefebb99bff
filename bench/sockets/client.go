//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/goquart/quart/bench/internal/proc"

	"golang.org/x/sys/unix"
)

// A client holds any number of connections, from one goroutine by an epoll of its own: it must cost less than any server, and
// Go's poller and scheduler would add to that. It compares each byte that comes with the one that must come.
type client struct {
	epoll   int
	events  []unix.EpollEvent
	sockets []*socket
	buf     []byte
	accept  []byte // what the head of the answer must have in it
}

type socket struct {
	fd     int
	head   []byte // of the answer to the handshake, until it is complete
	open   bool
	at     int    // bytes of the unit that comes now
	units  int    // whole ones so far
	unsent []byte // the rest of what is being written
	ended  bool
}

// stuck is how long nothing at all may come.
const stuck = 10 * time.Second

const (
	handshakeKey  = "dGhlIHNhbXBsZSBub25jZQ=="
	handshakeGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455, section 1.3
)

func handshake(addr netip.AddrPort, path string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + addr.String() + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: " + handshakeKey + "\r\nSec-WebSocket-Version: 13\r\n\r\n")
}

// accepted is in the answer to each handshake, without the name of its header, which may be spelt as one likes.
var accepted = func() []byte {
	sum := sha1.Sum([]byte(handshakeKey + handshakeGUID))
	return []byte(": " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n")
}()

// dial opens n websockets.
func dial(ctx context.Context, addr netip.AddrPort, path string, n int) (*client, error) {
	return connect(ctx, addr, handshake(addr, path), accepted, n)
}

// connect opens n connections, sends the request on each and awaits the head of the answer, which must have accept in it.
func connect(ctx context.Context, addr netip.AddrPort, request, accept []byte, n int) (c *client, err error) {
	c = &client{events: make([]unix.EpollEvent, 256), buf: make([]byte, 128<<10), accept: accept}
	if c.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	for range n {
		if err = c.add(addr, request); err != nil {
			break
		}
	}
	if err == nil {
		err = c.until(ctx, nil, func(s *socket) bool { return s.open })
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return c, nil
}

func (c *client) add(addr netip.AddrPort, request []byte) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c.sockets = append(c.sockets, &socket{fd: fd}) // from here on close closes it
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		return err
	}
	if n, err := unix.Write(fd, request); err != nil || n < len(request) {
		return errors.Join(errors.New("the request was not taken"), err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	return c.watch(unix.EPOLL_CTL_ADD, len(c.sockets)-1, unix.EPOLLIN)
}

// watch tells the epoll what to wait for. Fd of an event is ours to fill: the index of the socket.
func (c *client) watch(op, i int, events uint32) error {
	return unix.EpollCtl(c.epoll, op, c.sockets[i].fd, &unix.EpollEvent{Events: events, Fd: int32(i)})
}

func (c *client) close() {
	for _, s := range c.sockets {
		_ = unix.Close(s.fd)
	}
	_ = unix.Close(c.epoll)
}

// wait returns the sockets with something to do, as events. They are there until the next call.
func (c *client) wait(ctx context.Context) ([]unix.EpollEvent, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := unix.EpollWait(c.epoll, c.events, int(stuck.Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, err
		case n == 0:
			return nil, fmt.Errorf("nothing came for %v", stuck)
		}
		return c.events[:n], nil
	}
}

// until reads units until done says so of every socket.
func (c *client) until(ctx context.Context, unit []byte, done func(*socket) bool) error {
	missing := 0
	for _, s := range c.sockets {
		if !done(s) {
			missing++
		}
	}
	for missing > 0 {
		ready, err := c.wait(ctx)
		if err != nil {
			return fmt.Errorf("%d of %d sockets are not done: %w", missing, len(c.sockets), err)
		}
		for _, event := range ready {
			s := c.sockets[event.Fd]
			before := done(s)
			if err := c.receive(s, unit); err != nil {
				return fmt.Errorf("socket %d: %w", event.Fd, err)
			}
			if !before && done(s) {
				missing--
			}
		}
	}
	return nil
}

// await reads until each socket has had n units in all. More is an error.
func (c *client) await(ctx context.Context, unit []byte, n int) error {
	err := c.until(ctx, unit, func(s *socket) bool { return s.units >= n })
	for i, s := range c.sockets {
		if err == nil && s.units > n {
			err = fmt.Errorf("socket %d has %d messages, want %d", i, s.units, n)
		}
	}
	return err
}

// rally writes the message on each socket, and again when the reply is complete, for d; then it awaits the last
// replies. It returns how many there were.
func (c *client) rally(ctx context.Context, message, reply []byte, d time.Duration) (replies int, took time.Duration, err error) {
	began := proc.Monotonic()
	for i := range c.sockets {
		if err := c.write(i, message); err != nil {
			return 0, 0, err
		}
	}
	for playing := len(c.sockets); playing > 0; {
		ready, err := c.wait(ctx)
		if err != nil {
			return 0, 0, err
		}
		over := proc.Monotonic()-began >= d.Nanoseconds()
		for _, event := range ready {
			s := c.sockets[event.Fd]
			if event.Events&unix.EPOLLOUT != 0 {
				if err := c.write(int(event.Fd), s.unsent); err != nil {
					return 0, 0, err
				}
			}
			units := s.units
			if err := c.receive(s, reply); err != nil {
				return 0, 0, err
			}
			switch s.units - units {
			case 0:
				continue
			case 1:
			default:
				return 0, 0, errors.New("a reply came twice")
			}
			replies++
			if over {
				playing--
				continue
			}
			if err := c.write(int(event.Fd), message); err != nil {
				return 0, 0, err
			}
		}
	}
	return replies, time.Duration(proc.Monotonic() - began), nil
}

// write writes as much as there is room for, and leaves the rest for when there is more.
func (c *client) write(i int, p []byte) error {
	s := c.sockets[i]
	n, err := unix.Write(s.fd, p)
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		return err
	}
	waited := len(s.unsent) > 0
	s.unsent = p[max(n, 0):]
	switch waits := len(s.unsent) > 0; {
	case waits && !waited:
		return c.watch(unix.EPOLL_CTL_MOD, i, unix.EPOLLIN|unix.EPOLLOUT)
	case waited && !waits:
		return c.watch(unix.EPOLL_CTL_MOD, i, unix.EPOLLIN)
	}
	return nil
}

var errEnded = errors.New("the server ended the connection")

// receive reads once. Without a unit it counts marks.
func (c *client) receive(s *socket, unit []byte) error {
	n, err := unix.Read(s.fd, c.buf)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return err
	case n == 0:
		s.ended = true
		return errEnded
	}
	p := c.buf[:n]
	if !s.open {
		if p, err = c.readHead(s, p); err != nil || len(p) == 0 {
			return err
		}
	}
	if unit == nil {
		s.units += bytes.Count(p, []byte{mark})
		return nil
	}
	for len(p) > 0 {
		if s.at == 0 && p[0] == pingByte {
			if p, err = pong(s.fd, p); err != nil {
				return err
			}
			continue
		}
		n := min(len(p), len(unit)-s.at)
		if n == 0 || !bytes.Equal(p[:n], unit[s.at:s.at+n]) {
			return fmt.Errorf("%.40q came, want %.40q", p, unit[s.at:])
		}
		p = p[n:]
		if s.at += n; s.at == len(unit) {
			s.at = 0
			s.units++
		}
	}
	return nil
}

// readHead returns what follows the head of the answer.
func (c *client) readHead(s *socket, p []byte) ([]byte, error) {
	s.head = append(s.head, p...)
	head, rest, complete := bytes.Cut(s.head, []byte("\r\n\r\n"))
	if !complete {
		return nil, nil
	}
	if !bytes.Contains(append(head, "\r\n"...), c.accept) {
		return nil, fmt.Errorf("answer %.200q", head)
	}
	s.open, s.head = true, nil
	return bytes.Clone(rest), nil
}
