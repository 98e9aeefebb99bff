package main

import (
	"compress/flate"
	"encoding/binary"
	"time"
)

// Opcodes (RFC 6455, section 5.2).
const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
)

var mask = [4]byte{0x37, 0xfa, 0x21, 0x3d} // of every frame that is sent

// header returns the head of a masked frame.
func header(op byte, fin bool, rsv byte, n int) []byte {
	b := make([]byte, 0, 14)
	first := op | rsv<<4
	if fin {
		first |= 0x80
	}
	switch {
	case n < 126:
		b = append(b, first, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, first, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, first, 0x80|127), uint64(n))
	}
	return append(b, mask[:]...)
}

func maskBytes(b []byte) {
	half := uint64(binary.LittleEndian.Uint32(mask[:]))
	word := half | half<<32
	i := 0
	for ; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], binary.LittleEndian.Uint64(b[i:])^word)
	}
	for ; i < len(b); i++ {
		b[i] ^= mask[i&3]
	}
}

func frame(op byte, fin bool, rsv byte, p []byte) []byte {
	b := header(op, fin, rsv, len(p))
	n := len(b)
	b = append(b, p...)
	maskBytes(b[n:])
	return b
}

// raw sends b in writes of chop bytes, or in one if chop is 0. What the server thinks of it is read elsewhere.
func (c *client) raw(b []byte, chop int) {
	c.sending.Lock()
	defer c.sending.Unlock()
	_ = c.nc.SetWriteDeadline(time.Now().Add(20 * time.Second))
	if chop <= 0 {
		chop = len(b)
	}
	for len(b) > 0 {
		n := min(chop, len(b))
		if _, err := c.nc.Write(b[:n]); err != nil {
			return
		}
		b = b[n:]
	}
}

func (c *client) send(op byte, fin bool, p string) { c.raw(frame(op, fin, 0, []byte(p)), 0) }

func (c *client) sendReserved(op, rsv byte, p string, chop int) {
	c.raw(frame(op, true, rsv, []byte(p)), chop)
}

// message sends p in fragments of n bytes, or in one frame if n is 0.
func (c *client) message(op byte, p []byte, n int, rsv byte) {
	if n <= 0 || len(p) <= n {
		c.raw(frame(op, true, rsv, p), 0)
		return
	}
	var out []byte
	for len(p) > 0 {
		k := min(n, len(p))
		out = append(out, frame(op, k == len(p), rsv, p[:k])...)
		op, rsv, p = opContinuation, 0, p[k:]
		if len(out) > 1<<18 {
			c.raw(out, 0)
			out = out[:0]
		}
	}
	c.raw(out, 0)
}

func (c *client) sendClose(code int) { c.closeFrame(codeBytes(code, "")) }

func (c *client) closeFrame(p []byte) {
	c.mu.Lock()
	if !c.sentClose && !c.gotClose {
		c.byMe = true
	}
	c.sentClose = true
	c.mu.Unlock()
	c.raw(frame(opClose, true, 0, p), 0)
}

func codeBytes(code int, reason string) []byte {
	return append([]byte{byte(code >> 8), byte(code)}, reason...)
}

// drop closes the TCP connection, which counts against the server if it should have done so.
func (c *client) drop() {
	c.mu.Lock()
	if !c.over() {
		c.dropped = true
		c.byMe = c.byMe || !c.gotClose && !c.sentClose
	}
	c.mu.Unlock()
	_ = c.nc.Close()
}

func (c *client) over() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// isOpen reports whether the server has done nothing to end the connection.
func (c *client) isOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.over() && !c.gotClose
}

// compress returns the payload of a compressed message (RFC 7692, section 7.2.1).
func (c *client) compress(p []byte) []byte {
	c.deflated.Reset()
	switch {
	case c.deflater == nil:
		level := 3
		if c.deflate.clientBits < 15 {
			level = flate.HuffmanOnly // no back references: fit for every window
		}
		c.deflater, _ = flate.NewWriter(&c.deflated, level)
	case c.deflate.clientNoTakeover:
		c.deflater.Reset(&c.deflated)
	}
	_, _ = c.deflater.Write(p)
	_ = c.deflater.Flush()
	b := c.deflated.Bytes()
	return append([]byte(nil), b[:len(b)-4]...)
}
