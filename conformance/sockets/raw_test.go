package sockets_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart/conformance/internal/contract"
)

const patience = 20 * time.Second // for what should come at once

// Opcodes and the first bits of a frame (RFC 6455, section 5.2).
const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
	rsv1           = 0x40
	fin            = 0x80
)

// wire is a connection that sends whatever a test wants.
type wire struct {
	net.Conn
	t  *testing.T
	br *bufio.Reader
}

func dial(t *testing.T, s *contract.Server) *wire {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr)
	return newWire(t, nc, err)
}

func dialTLS(t *testing.T, s *contract.Server) *wire {
	t.Helper()
	nc, err := tls.Dial("tcp", s.TLSAddr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	return newWire(t, nc, err)
}

func newWire(t *testing.T, nc net.Conn, err error) *wire {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	return &wire{Conn: nc, t: t, br: bufio.NewReader(nc)}
}

func (w *wire) send(pieces ...string) {
	w.t.Helper()
	if _, err := io.WriteString(w.Conn, strings.Join(pieces, "")); err != nil {
		w.t.Fatal(err)
	}
}

// fields are the header of a proper handshake, with the key of RFC 6455, section 1.3.
func fields() []string {
	return []string{
		"Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}
}

const sampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

// handshake is a proper request with more header lines.
func handshake(path string, lines ...string) string {
	return request("GET "+path+" HTTP/1.1", append(fields(), lines...))
}

func request(line string, lines []string) string {
	return line + "\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// reply is a response to a handshake, with the body of a refusal.
type reply struct {
	status int
	header http.Header
	closes bool // the connection, behind it
	body   string
}

func (w *wire) answer() reply {
	w.t.Helper()
	resp, err := http.ReadResponse(w.br, &http.Request{Method: "GET"})
	if err != nil {
		w.t.Fatal(err)
	}
	r := reply{status: resp.StatusCode, header: resp.Header, closes: resp.Close}
	if r.status != 101 {
		var b []byte
		if b, err = io.ReadAll(resp.Body); err != nil {
			w.t.Fatal(err)
		}
		r.body = string(b)
	}
	_ = resp.Body.Close()
	return r
}

// upgrade makes w a websocket.
func (w *wire) upgrade(path string, lines ...string) http.Header {
	w.t.Helper()
	w.send(handshake(path, lines...))
	return w.upgraded()
}

func (w *wire) upgraded() http.Header {
	w.t.Helper()
	r := w.answer()
	if r.status != 101 {
		w.t.Fatalf("status %d: %s", r.status, r.body)
	}
	return r.header
}

// frame is a masked frame.
func frame(first byte, payload string) string {
	mask := [4]byte{0x12, 0x9a, 0x34, 0xf1}
	b := append(header(first, len(payload)), mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i&3])
	}
	return string(b)
}

// header is the head of a masked frame, without its key.
func header(first byte, n int) []byte {
	switch {
	case n < 126:
		return []byte{first, 0x80 | byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{first, 0x80 | 126}, uint16(n))
	}
	return binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, uint64(n))
}

func text(payload string) string { return frame(fin|opText, payload) }

func closing(code int, reason string) string {
	return frame(fin|opClose, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}

// next reads a frame, which must be one that a server may send.
func (w *wire) next() (first byte, payload []byte, err error) {
	var head [10]byte
	if _, err = io.ReadFull(w.br, head[:2]); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1])
	switch {
	case n&0x80 != 0:
		return 0, nil, errors.New("the server masks")
	case n == 126:
		_, err = io.ReadFull(w.br, head[2:4])
		n = uint64(binary.BigEndian.Uint16(head[2:]))
	case n == 127:
		_, err = io.ReadFull(w.br, head[2:10])
		n = binary.BigEndian.Uint64(head[2:])
	}
	if err != nil {
		return 0, nil, err
	}
	if n > 1<<25 {
		return 0, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(w.br, payload)
	return head[0], payload, err
}

func (w *wire) want(first byte, payload string) {
	w.t.Helper()
	got, p, err := w.next()
	if err != nil || got != first || string(p) != payload {
		w.t.Fatalf("frame %#x of %d bytes %.80q, %v; want %#x, %d bytes %.80q", got, len(p), p, err, first, len(payload), payload)
	}
}

// wantClose reads a close frame with code, 1005 for none, and the end of the connection.
func (w *wire) wantClose(code int) {
	w.t.Helper()
	first, p, err := w.next()
	if err != nil || first != fin|opClose {
		w.t.Fatalf("frame %#x of %d bytes %.80q, %v; want a close frame with %d", first, len(p), p, err, code)
	}
	got := 1005
	if len(p) >= 2 {
		got = int(binary.BigEndian.Uint16(p))
	}
	if got != code {
		w.t.Errorf("closed with %d %q, want %d", got, p[min(len(p), 2):], code)
	}
	w.wantEnd()
}

// wantEnd reads the end of the connection.
func (w *wire) wantEnd() {
	w.t.Helper()
	rest, err := io.ReadAll(w.br)
	if len(rest) > 0 {
		w.t.Fatalf("more comes: %.80q", rest)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Fatal("the connection stays open")
	}
}

// echoes reports whether a fresh socket works: that the server lives.
func echoes(t *testing.T, s *contract.Server) {
	t.Helper()
	w := dial(t, s)
	defer w.Close()
	w.upgrade("/ws")
	w.send(text("still here?"))
	w.want(fin|opText, "still here?")
}

// memory returns a value of /proc/PID/status in bytes: VmRSS, or VmHWM for the most that it was.
func memory(t *testing.T, s *contract.Server, name string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID))
	if err != nil {
		missing(t, err)
	}
	_, rest, _ := bytes.Cut(status, []byte(name+":"))
	value, _, _ := bytes.Cut(rest, []byte(" kB"))
	n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n << 10
}

// descriptors returns how many files the server has open.
func descriptors(t *testing.T, s *contract.Server) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.PID))
	if err != nil {
		missing(t, err)
	}
	return len(entries)
}

// eventually waits until ok, which is asked often, reports true.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}
