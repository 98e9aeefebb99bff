package quart_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
)

// rawSocket is a websocket client that sends what a test wants it to, right or wrong.
type rawSocket struct {
	net.Conn
	t  testing.TB
	br *bufio.Reader
}

// The first byte of a frame. A continuation's opcode is 0.
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10
	fin      = 0x80
	rsv1     = 0x40
)

// frame is what a client sends: masked with a key that is not zero.
func frame(first byte, payload string) string {
	key := [4]byte{0x12, 0x9a, 0x34, 0xf1}
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, key[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i&3])
	}
	return string(b)
}

func textFrame(payload string) string { return frame(fin|opText, payload) }

func closing(code int, reason string) string {
	return frame(fin|opClose, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}

// upgradeRequest is a proper handshake with more header lines.
func upgradeRequest(target string, header ...string) string {
	lines := append([]string{
		"GET " + target + " HTTP/1.1", "Host: example.com", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}, header...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// socket opens a websocket on nc, sending more right behind the handshake.
func openSocket(t testing.TB, nc net.Conn, more, target string, header ...string) (*rawSocket, *http.Response) {
	t.Helper()
	if _, err := io.WriteString(nc, upgradeRequest(target, header...)+more); err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(nc)
	resp, err := http.ReadResponse(br, &http.Request{Method: "GET"})
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 101 {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("handshake: %d %s", resp.StatusCode, body)
	}
	return &rawSocket{Conn: nc, t: t, br: br}, resp
}

func (s *served) socket(target string, header ...string) *rawSocket {
	s.t.Helper()
	ws, _ := openSocket(s.t, s.dial(), "", target, header...)
	return ws
}

func (ws *rawSocket) send(frames ...string) {
	ws.t.Helper()
	if _, err := io.WriteString(ws.Conn, strings.Join(frames, "")); err != nil {
		ws.t.Fatal(err)
	}
}

// next reads one frame of the server, which must not be masked.
func (ws *rawSocket) next() (first byte, payload string, err error) {
	var head [10]byte
	if _, err := io.ReadFull(ws.br, head[:2]); err != nil {
		return 0, "", err
	}
	if head[1]&0x80 != 0 {
		return 0, "", fmt.Errorf("the server masks")
	}
	n := int(head[1])
	switch n {
	case 126:
		_, err = io.ReadFull(ws.br, head[2:4])
		n = int(binary.BigEndian.Uint16(head[2:]))
	case 127:
		_, err = io.ReadFull(ws.br, head[2:10])
		n = int(binary.BigEndian.Uint64(head[2:]))
	}
	if err != nil {
		return 0, "", err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(ws.br, b)
	return head[0], string(b), err
}

func (ws *rawSocket) want(first byte, payload string) {
	ws.t.Helper()
	f, p, err := ws.next()
	if err != nil || f != first || p != payload {
		ws.t.Fatalf("got frame %#x %.80q, %v; want %#x %.80q", f, p, err, first, payload)
	}
}

// wantClose reads up to a close frame with code, and to the end of the connection. It returns the reason.
func (ws *rawSocket) wantClose(code int) string {
	ws.t.Helper()
	for {
		f, p, err := ws.next()
		if err != nil {
			ws.t.Fatalf("no close frame: %v", err)
		}
		if f != fin|opClose {
			continue
		}
		got := 1005
		if len(p) >= 2 {
			got, p = int(binary.BigEndian.Uint16([]byte(p))), p[2:]
		}
		if got != code {
			ws.t.Fatalf("closed with %d %q, want %d", got, p, code)
		}
		if rest, err := io.ReadAll(ws.br); err != nil || len(rest) > 0 {
			ws.t.Fatalf("behind the close frame: %q, %v", rest, err)
		}
		return p
	}
}

// wantEnd reads to the end of the connection, however it comes.
func (ws *rawSocket) wantEnd() {
	ws.t.Helper()
	for {
		if _, _, err := ws.next(); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				ws.t.Fatal("the connection is still open")
			}
			return
		}
	}
}

// echoSocket answers each message with itself.
func echoSocket(ws *quart.Socket) error {
	for m, err := range ws.Messages() {
		if err != nil {
			return err
		}
		if err := ws.Write(m); err != nil {
			return err
		}
	}
	return nil
}

func dialTLS(t testing.TB, addr string) net.Conn {
	t.Helper()
	nc, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	return nc
}
