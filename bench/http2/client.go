//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"golang.org/x/sys/unix"
)

// stuck is how long nothing at all may come.
const stuck = 20 * time.Second

// wideOpen is a window that no answer here fills.
const wideOpen = 1 << 30

// A client is one connection. It takes what comes as fast as it comes; it is not for concurrent use.
type client struct {
	nc     net.Conn
	framer *http2.Framer
	out    bytes.Buffer // frames that are not sent yet
	fields *hpack.Encoder
	block  bytes.Buffer
	scheme string
	host   string
	last   uint32 // stream
	taken  uint32 // bytes of data since the last window update
}

// dial connects, over TLS where asked, and sends what a connection begins with along with the first requests.
func dial(ctx context.Context, addr netip.AddrPort, secure bool) (*client, error) {
	nc, err := connect(ctx, addr, secure)
	if err != nil {
		return nil, err
	}
	c := &client{nc: nc, scheme: "http", host: addr.String()}
	if secure {
		c.scheme = "https"
	}
	c.fields = hpack.NewEncoder(&c.block)
	c.framer = http2.NewFramer(&c.out, nc)
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.framer.SetReuseFrames()
	c.out.WriteString(http2.ClientPreface)
	err = errors.Join(
		c.framer.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 0}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: wideOpen}),
		c.framer.WriteWindowUpdate(0, wideOpen),
	)
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func connect(ctx context.Context, addr netip.AddrPort, secure bool) (net.Conn, error) {
	dialer := net.Dialer{Control: narrow}
	if !secure {
		return dialer.DialContext(ctx, "tcp4", addr.String())
	}
	d := tls.Dialer{NetDialer: &dialer, Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{alpnHTTP2}}} // the certificate was made for this run
	nc, err := d.DialContext(ctx, "tcp4", addr.String())
	if err != nil {
		return nil, err
	}
	if got := nc.(*tls.Conn).ConnectionState().NegotiatedProtocol; got != alpnHTTP2 {
		_ = nc.Close()
		return nil, fmt.Errorf("the server chose the protocol %q, want %q", got, alpnHTTP2)
	}
	return nc, nil
}

// receiveBuffer is about what a fast line needs. Loopback lets the kernel take megabytes, and a small answer waits behind all of them,
// whichever server sends them.
const receiveBuffer = 256 << 10

func narrow(_, _ string, raw syscall.RawConn) error {
	var set error
	control := raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	})
	return errors.Join(control, set)
}

func (c *client) close() { _ = c.nc.Close() }

// get asks for a path; flush sends it.
func (c *client) get(path string) (stream uint32, err error) {
	c.block.Reset()
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", c.scheme}, {":path", path}, {":authority", c.host}} {
		if err := c.fields.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			return 0, err
		}
	}
	stream = c.last + 1
	c.last += 2
	return stream, c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.block.Bytes(), EndStream: true, EndHeaders: true})
}

func (c *client) flush() error {
	if c.out.Len() == 0 {
		return nil
	}
	if err := c.nc.SetWriteDeadline(time.Now().Add(stuck)); err != nil {
		return err
	}
	_, err := c.out.WriteTo(c.nc)
	return err
}

// A piece of an answer came.
type piece struct {
	stream uint32
	data   []byte // valid until the next piece
	end    bool
}

// next awaits a piece of an answer with status 200, and answers the frames between.
func (c *client) next() (piece, error) {
	for {
		if err := c.flush(); err != nil {
			return piece{}, err
		}
		if err := c.nc.SetReadDeadline(time.Now().Add(stuck)); err != nil {
			return piece{}, err
		}
		frame, err := c.framer.ReadFrame()
		if err != nil {
			return piece{}, err
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			if status := f.PseudoValue("status"); status != "200" {
				return piece{}, fmt.Errorf("stream %d has status %q, want 200", f.StreamID, status)
			}
			return piece{stream: f.StreamID, end: f.StreamEnded()}, nil
		case *http2.DataFrame:
			return piece{f.StreamID, f.Data(), f.StreamEnded()}, c.credit(f.Length)
		default:
			if err := c.control(frame); err != nil {
				return piece{}, err
			}
		}
	}
}

// credit opens the connection's window again when half of it is used.
func (c *client) credit(n uint32) error {
	if c.taken += n; c.taken < wideOpen/2 {
		return nil
	}
	n, c.taken = c.taken, 0
	return c.framer.WriteWindowUpdate(0, n)
}

func (c *client) control(frame http2.Frame) error {
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return c.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return c.framer.WritePing(true, f.Data)
		}
	case *http2.RSTStreamFrame:
		return fmt.Errorf("the server reset stream %d: %v", f.StreamID, f.ErrCode)
	case *http2.GoAwayFrame:
		return fmt.Errorf("the server goes away: %v %q", f.ErrCode, f.DebugData())
	}
	return nil
}
