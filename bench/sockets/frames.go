//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"

	"golang.org/x/sys/unix"
)

// First bytes of frames (RFC 6455, section 5.2), all of them whole messages.
const (
	textByte   = 0x81
	binaryByte = 0x82
	closeByte  = 0x88
	pingByte   = 0x89
	pongByte   = 0x8a
)

// maskKey is that of all frames of the clients.
var maskKey = [4]byte{0x5a, 0x17, 0xc3, 0x8e}

// payload returns n bytes, the same in each process.
func payload(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(p) // it never fails
	return p
}

// mark ends each broadcast, and is in nothing else that comes after the head of an event stream.
const mark = '#'

// announcement is what is broadcast: text, as a hub's messages are.
func announcement() []byte { return append(bytes.Repeat([]byte{'x'}, broadcastBytes-1), mark) }

// appendHead appends the head of a frame but for a mask's key; mask is 0x80 or 0.
func appendHead(b []byte, first byte, n int, mask byte) []byte {
	switch {
	case n < 126:
		return append(b, first, byte(n)|mask)
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, first, 126|mask), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(b, first, 127|mask), uint64(n))
}

// serverFrame is a frame as servers send it.
func serverFrame(first byte, p []byte) []byte { return append(appendHead(nil, first, len(p), 0), p...) }

// clientFrame is a masked one.
func clientFrame(first byte, p []byte) []byte {
	b := append(appendHead(nil, first, len(p), 0x80), maskKey[:]...)
	for i, v := range p {
		b = append(b, v^maskKey[i%4])
	}
	return b
}

// pong answers the ping that p begins with, and returns what follows. Pings are small: each comes whole.
func pong(fd int, p []byte) ([]byte, error) {
	if len(p) < 2 || p[1] > 125 || len(p) < 2+int(p[1]) {
		return nil, errors.New("half a ping")
	}
	n := 2 + int(p[1])
	_, err := unix.Write(fd, clientFrame(pongByte, p[2:n]))
	return p[n:], err
}
