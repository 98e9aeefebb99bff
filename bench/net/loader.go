//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A loader keeps a number of connections busy from one goroutine by an epoll
// of its own: Go's poller and scheduler would add their delays to what is
// measured. Every answer is compared with what it must be.
type loader struct {
	epoll  int
	events []unix.EpollEvent
	conns  []*conn
	batch  []byte // the requests that are sent at once
	depth  int    // how many they are
	body   string // of each answer
}

type conn struct {
	fd      int
	buf     []byte
	n       int       // bytes of buf that are read
	pending int       // answers that are to come
	due     time.Time // when its request was to be sent
}

const (
	answerBuffer = 16 << 10        // bytes: 16 pipelined answers and more
	stuck        = 2 * time.Second // without any answer
)

// newLoader connects. Each connection sends depth requests of path at a time.
func newLoader(addr netip.AddrPort, path string, conns, depth int) (l *loader, err error) {
	body, ok := answerTo(path)
	if !ok {
		return nil, fmt.Errorf("the servers have no route for %s", path)
	}
	request := "GET " + path + " HTTP/1.1\r\nHost: " + addr.String() + "\r\n\r\n"
	l = &loader{depth: depth, body: body, batch: []byte(strings.Repeat(request, depth)), events: make([]unix.EpollEvent, conns)}
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	for range conns {
		if err := l.connect(addr); err != nil {
			l.close()
			return nil, fmt.Errorf("connect to %s: %w", addr, err)
		}
	}
	return l, nil
}

func (l *loader) connect(addr netip.AddrPort) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	l.conns = append(l.conns, &conn{fd: fd, buf: make([]byte, answerBuffer)}) // from here on close closes it
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(l.conns) - 1)} // Fd is ours to fill: the index
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &event)
}

func (l *loader) close() {
	for _, c := range l.conns {
		_ = unix.Close(c.fd)
	}
	_ = unix.Close(l.epoll)
}

// A volume is what a closed loop achieved.
type volume struct {
	requests int
	elapsed  time.Duration
}

func (v volume) rate() float64 { return float64(v.requests) / v.elapsed.Seconds() }

// closedLoop sends on each connection as soon as it is answered, for a time,
// and awaits the last answers.
func (l *loader) closedLoop(ctx context.Context, d time.Duration) (v volume, err error) {
	start := time.Now()
	for _, c := range l.conns {
		if err := l.send(c); err != nil {
			return v, err
		}
	}
	for busy := len(l.conns); busy > 0; {
		ready, err := l.wait(ctx, stuck)
		if err != nil {
			return v, err
		}
		if len(ready) == 0 {
			return v, fmt.Errorf("%d connections got no answer for %v", busy, stuck)
		}
		for _, event := range ready {
			c := l.conns[event.Fd]
			n, err := l.receive(c)
			if err != nil {
				return v, err
			}
			v.requests += n
			if c.pending > 0 {
				continue
			}
			if time.Since(start) >= d {
				busy--
				continue
			}
			if err := l.send(c); err != nil {
				return v, err
			}
		}
	}
	v.elapsed = time.Since(start)
	return v, nil
}

// wait returns the connections with something to read, as events.
func (l *loader) wait(ctx context.Context, timeout time.Duration) ([]unix.EpollEvent, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n, err := unix.EpollWait(l.epoll, l.events, int(timeout.Milliseconds()))
	for errors.Is(err, unix.EINTR) {
		n, err = unix.EpollWait(l.epoll, l.events, int(timeout.Milliseconds()))
	}
	if err != nil {
		return nil, err
	}
	return l.events[:n], nil
}

func (l *loader) send(c *conn) error {
	n, err := unix.Write(c.fd, l.batch)
	if err == nil && n < len(l.batch) {
		err = errors.New("short write")
	}
	c.pending = l.depth
	return err
}

// receive reads what has come on a connection and counts the whole answers.
func (l *loader) receive(c *conn) (answers int, err error) {
	n, err := unix.Read(c.fd, c.buf[c.n:])
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return 0, nil
	case err != nil:
		return 0, err
	case n == 0:
		return 0, errors.New("the server closed a connection, or sent an answer over 16 KiB")
	}
	c.n += n
	rest := c.buf[:c.n]
	for {
		size, err := checkAnswer(rest, l.body)
		if err != nil {
			return 0, err
		}
		if size == 0 {
			break
		}
		rest = rest[size:]
		answers++
	}
	c.n = copy(c.buf, rest)
	c.pending -= answers
	if c.pending < 0 {
		return 0, errors.New("more answers than requests")
	}
	return answers, nil
}

var (
	statusOK   = []byte("HTTP/1.1 200 OK\r\n")
	headEnd    = []byte("\r\n\r\n")
	lengthName = []byte("\r\nContent-Length: ") // spelt so by all of the servers
)

// checkAnswer returns the size of the answer that b begins with, 0 if it is
// not whole yet. An answer other than 200 with that body is an error.
func checkAnswer(b []byte, body string) (size int, err error) {
	end := bytes.Index(b, headEnd)
	if end < 0 {
		return 0, nil
	}
	head := b[:end]
	if !bytes.HasPrefix(b, statusOK) {
		return 0, fmt.Errorf("answer %q, want status 200", head)
	}
	_, length, _ := bytes.Cut(head, lengthName)
	length, _, _ = bytes.Cut(length, headEnd[:2])
	if n, err := strconv.Atoi(string(length)); err != nil || n != len(body) {
		return 0, fmt.Errorf("answer %q, want Content-Length: %d", head, len(body))
	}
	size = end + len(headEnd) + len(body)
	if len(b) < size {
		return 0, nil
	}
	if got := b[size-len(body) : size]; string(got) != body {
		return 0, fmt.Errorf("body %q, want %q", got, body)
	}
	return size, nil
}
