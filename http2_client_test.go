package quart_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/goquart/quart/http2"
	"golang.org/x/net/http2/hpack"
)

// framesClient speaks HTTP/2 frame by frame.
type framesClient struct {
	t    *testing.T
	nc   net.Conn
	next uint32
	buf  bytes.Buffer
	enc  *hpack.Encoder
	dec  *hpack.Decoder
	got  map[uint32]*framesAnswer
	away int
	room int // bytes that the connection's window has got
}

type framesAnswer struct {
	status, body string
	head         map[string]string
	ended, reset bool
	code         http2.ErrCode
}

func newFramesClient(t *testing.T, nc net.Conn, settings ...[2]uint32) *framesClient {
	t.Helper()
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(answerTime))
	_, _ = io.WriteString(nc, clientPreface)
	return framesFramer(t, nc, settings...)
}

// answerTime is how long a client waits for one answer, not for all of a test: a loaded machine takes its time for many.
const answerTime = 20 * time.Second

// hangTime is shorter than the times after which the server itself ends what hangs, so that these do not hide it.
const hangTime = 8 * time.Second

const clientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// The types of frames.
const (
	frameData = iota
	frameHeaders
	_
	frameRSTStream
	frameSettings
	_
	framePing
	frameGoAway
	frameWindowUpdate
)

func framesFramer(t *testing.T, nc net.Conn, settings ...[2]uint32) *framesClient {
	c := &framesClient{t: t, nc: nc, next: 1, got: map[uint32]*framesAnswer{}, dec: hpack.NewDecoder(4096, nil)}
	c.enc = hpack.NewEncoder(&c.buf)
	var p []byte
	for _, s := range settings {
		p = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(p, uint16(s[0])), s[1])
	}
	_ = c.write(frameSettings, 0, 0, p)
	return c
}

func (c *framesClient) write(typ, flags byte, id uint32, payload []byte) error {
	n := len(payload)
	b := binary.BigEndian.AppendUint32([]byte{byte(n >> 16), byte(n >> 8), byte(n), typ, flags}, id)
	_, err := c.nc.Write(append(b, payload...))
	return err
}

func (c *framesClient) data(id uint32, end bool, p []byte) {
	_ = c.write(frameData, flagOf(end, 1), id, p)
}

func flagOf(set bool, flag byte) byte {
	if set {
		return flag
	}
	return 0
}

func (s *served) h2(settings ...[2]uint32) *framesClient {
	s.t.Helper()
	return newFramesClient(s.t.(*testing.T), s.dial(), settings...)
}

func (c *framesClient) open(end bool, fields ...string) uint32 {
	c.t.Helper()
	id := c.next
	c.next += 2
	c.buf.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = c.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	if err := c.write(frameHeaders, 4|flagOf(end, 1), id, c.buf.Bytes()); err != nil {
		c.t.Fatal(err)
	}
	return id
}

func (c *framesClient) request(method, path string, end bool, more ...string) uint32 {
	c.t.Helper()
	return c.open(end, append([]string{":method", method, ":scheme", "http", ":authority", "example.com", ":path", path}, more...)...)
}

func (c *framesClient) get(path string, more ...string) uint32 {
	c.t.Helper()
	return c.request("GET", path, true, more...)
}

func (c *framesClient) connect(path string, more ...string) uint32 {
	c.t.Helper()
	return c.open(false, append([]string{
		":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "example.com", ":path", path, "sec-websocket-version", "13",
	}, more...)...)
}

func (c *framesClient) answer(id uint32) *framesAnswer {
	a := c.got[id]
	if a == nil {
		a = &framesAnswer{head: map[string]string{}}
		c.got[id] = a
	}
	return a
}

// read takes a frame.
func (c *framesClient) read() error {
	_, _, _, _, err := c.frame()
	return err
}

func (c *framesClient) frame() (typ, flags byte, id uint32, p []byte, err error) {
	var head [9]byte
	if _, err := io.ReadFull(c.nc, head[:]); err != nil {
		return 0, 0, 0, nil, err
	}
	typ, flags, id = head[3], head[4], binary.BigEndian.Uint32(head[5:])
	p = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	if _, err := io.ReadFull(c.nc, p); err != nil {
		return 0, 0, 0, nil, err
	}
	return typ, flags, id, p, c.take(typ, flags, id, p)
}

func (c *framesClient) take(typ, flags byte, id uint32, p []byte) error {
	a := c.answer(id)
	switch typ {
	case frameSettings, framePing:
		if flags&1 != 0 {
			return nil
		}
		if typ == frameSettings {
			p = nil
		}
		return c.write(typ, 1, 0, p)
	case frameHeaders:
		fields, err := c.dec.DecodeFull(p)
		if err != nil {
			return err
		}
		for _, h := range fields {
			a.head[h.Name] = h.Value
		}
		a.status, a.ended = a.head[":status"], flags&1 != 0
	case frameData:
		a.body += string(p)
		a.ended = flags&1 != 0
	case frameRSTStream:
		a.reset, a.code = true, http2.ErrCode(binary.BigEndian.Uint32(p))
	case frameWindowUpdate:
		if id == 0 {
			c.room += int(binary.BigEndian.Uint32(p))
		}
	case frameGoAway:
		c.away++
	}
	return nil
}

func (c *framesClient) until(what string, ok func() bool) {
	c.t.Helper()
	_ = c.nc.SetDeadline(time.Now().Add(answerTime))
	for !ok() {
		if err := c.read(); err != nil {
			c.t.Fatalf("no %s: %v (GOAWAY: %d)", what, err, c.away)
		}
	}
}

func (c *framesClient) head(id uint32) *framesAnswer {
	c.t.Helper()
	a := c.answer(id)
	c.until("head", func() bool { return a.status != "" || a.reset })
	return a
}

func (c *framesClient) await(id uint32) *framesAnswer {
	c.t.Helper()
	a := c.answer(id)
	c.until("answer", func() bool { return a.ended || a.reset })
	return a
}

func (c *framesClient) want(id uint32, status string) *framesAnswer {
	c.t.Helper()
	a := c.await(id)
	if a.status != status || a.reset {
		c.t.Fatalf("stream %d: %+v, want %s", id, a, status)
	}
	return a
}
