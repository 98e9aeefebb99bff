package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"
)

// maxFrame is more than any case lets a server send.
const maxFrame = 1 << 28

var errViolation = errors.New("the server has broken a rule")

// violate notes the first rule that the server has broken.
func (c *client) violate(format string, a ...any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.violation == "" {
		c.violation = fmt.Sprintf(format, a...)
	}
	return errViolation
}

// received is a frame of the server.
type received struct {
	op, rsv byte
	fin     bool
	payload []byte
}

// partial is a message of which frames are to come.
type partial struct {
	op         byte
	open       bool
	compressed bool
	data       []byte
}

// receive reads until the connection ends, and checks all that binds a server.
func (c *client) receive() {
	defer close(c.closed)
	defer func() { _ = c.nc.Close() }()
	var m partial
	for {
		f, err := c.readFrame()
		if err != nil {
			return
		}
		c.mu.Lock()
		late := c.gotClose
		c.mu.Unlock()
		switch {
		case late:
			_ = c.violate("a frame of opcode %d after the close frame", f.op)
			continue
		case f.rsv != 0 && (f.rsv != 4 || !c.deflate.on || f.op != opText && f.op != opBinary):
			err = c.violate("RSV %d with opcode %d", f.rsv, f.op)
		case f.op >= opClose:
			err = c.control(f)
		default:
			err = c.data(&m, f)
		}
		if err != nil {
			return
		}
	}
}

func (c *client) readFrame() (f received, err error) {
	var h [8]byte
	if _, err := io.ReadFull(c.br, h[:2]); err != nil {
		return f, err
	}
	f.fin, f.rsv, f.op = h[0]&0x80 != 0, h[0]>>4&7, h[0]&15
	if h[1]&0x80 != 0 {
		return f, c.violate("a masked frame")
	}
	n, least := uint64(h[1]), uint64(0)
	switch n {
	case 126:
		_, err = io.ReadFull(c.br, h[:2])
		n, least = uint64(binary.BigEndian.Uint16(h[:])), 126
	case 127:
		_, err = io.ReadFull(c.br, h[:])
		n, least = binary.BigEndian.Uint64(h[:]), 1<<16
	}
	if err != nil {
		return f, err
	}
	if n < least {
		return f, c.violate("the length %d is not in its shortest form", n)
	}
	if n > maxFrame {
		return f, c.violate("a frame of %d bytes", n)
	}
	f.payload = make([]byte, n)
	_, err = io.ReadFull(c.br, f.payload)
	return f, err
}

func (c *client) control(f received) error {
	if !f.fin || len(f.payload) > 125 {
		return c.violate("a control frame with fin=%v and %d bytes", f.fin, len(f.payload))
	}
	switch f.op {
	case opClose:
		return c.closing(f.payload)
	case opPing:
		c.raw(frame(opPong, true, 0, f.payload), 0)
	case opPong:
		c.events <- event{kind: "pong", data: f.payload}
	default:
		return c.violate("the reserved opcode %d", f.op)
	}
	return nil
}

// closing takes the server's close frame, and answers it if it is the first one.
func (c *client) closing(p []byte) error {
	c.mu.Lock()
	c.gotClose = true
	reply := !c.sentClose
	if len(p) >= 2 {
		c.closeCode = int(binary.BigEndian.Uint16(p))
	}
	code := c.closeCode
	c.mu.Unlock()
	switch {
	case len(p) == 1:
		_ = c.violate("a close frame of 1 byte")
	case len(p) >= 2 && !validCode(code):
		_ = c.violate("the close code %d", code)
	case len(p) >= 2 && !utf8.Valid(p[2:]):
		_ = c.violate("a close reason that is not UTF-8")
	}
	if reply {
		c.closeFrame(p)
	}
	// RFC 6455, section 7.1.1: the server closes the TCP connection first.
	time.AfterFunc(time.Second, func() {
		if !c.over() {
			c.drop()
		}
	})
	return nil
}

func validCode(code int) bool {
	switch code {
	case 1004, 1005, 1006:
		return false
	}
	return code >= 1000 && code <= 1014 || code >= 3000 && code < 5000
}

// data takes a frame of a message.
func (c *client) data(m *partial, f received) error {
	if f.op > opBinary {
		return c.violate("the reserved opcode %d", f.op)
	}
	if (f.op == opContinuation) != m.open {
		return c.violate("opcode %d, with a message open: %v", f.op, m.open)
	}
	if !m.open {
		*m = partial{op: f.op, compressed: f.rsv == 4, data: f.payload}
	} else {
		m.data = append(m.data, f.payload...)
	}
	if m.open = !f.fin; m.open {
		return nil
	}
	if m.compressed {
		if c.deflate.serverNoTakeover {
			c.inflater.history = nil
		}
		var err error
		if m.data, err = c.inflater.message(m.data); err != nil {
			return c.violate("inflate: %v", err)
		}
	}
	if m.op == opText && !utf8.Valid(m.data) {
		_ = c.violate("a text message that is not UTF-8")
	}
	c.events <- event{kind: "message", data: m.data, binary: m.op == opBinary}
	return nil
}
