package quarttest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart"
)

const socketPatience = 10 * time.Second // less than the 25 s after which an app sends a ping

// tunnel is a connection that has left HTTP/1.1.
type tunnel struct{ *conn }

// Read begins with what came together with the head.
func (t tunnel) Read(p []byte) (int, error) { return t.r.Read(p) }

func (t tunnel) Close() error {
	t.cl.drop(t.conn)
	return nil
}

// socketConn is the connection below a websocket.Conn. Until begin it answers the dialer's handshake itself; then it is the app's.
type socketConn struct {
	net.Conn
	cl       *Client
	accepted *Response // what the app agreed to; nil once the dialer knows

	request []byte       // of the dialer
	answer  bytes.Reader // to it

	mu  sync.Mutex
	own bool // the test has set a read deadline
}

func (sc *socketConn) dialed(string, string) (net.Conn, error) { return sc, nil }

// begin lets the frames through.
func (sc *socketConn) begin() {
	sc.accepted, sc.request = nil, nil
	_ = sc.Conn.SetDeadline(time.Time{})
}

// greet answers the dialer's request as the app has answered the client's.
func (sc *socketConn) greet(request []byte) {
	sc.request = append(sc.request, request...)
	head, complete := bytes.CutSuffix(sc.request, []byte("\r\n\r\n"))
	if !complete {
		return
	}
	_, rest, _ := strings.Cut(string(head), "Sec-WebSocket-Key: ")
	key, _, _ := strings.Cut(rest, "\r\n")
	b := []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
	b = appendField(b, "Sec-WebSocket-Accept", acceptKey(key))
	if sc.accepted.HasHeader("Sec-WebSocket-Protocol") {
		b = appendField(b, "Sec-WebSocket-Protocol", sc.accepted.Header("Sec-WebSocket-Protocol"))
	}
	if sc.accepted.HasHeader("Sec-WebSocket-Extensions") {
		b = appendField(b, "Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover; client_no_context_takeover")
	}
	sc.answer.Reset(append(b, "\r\n"...))
}

func (sc *socketConn) Write(p []byte) (int, error) {
	if sc.accepted != nil {
		sc.greet(p)
		return len(p), nil
	}
	return sc.Conn.Write(p)
}

func (sc *socketConn) Read(p []byte) (int, error) {
	if sc.accepted != nil {
		return sc.answer.Read(p)
	}
	patience := min(socketPatience, sc.cl.Timeout)
	sc.mu.Lock()
	own := sc.own
	if !own {
		_ = sc.Conn.SetReadDeadline(time.Now().Add(patience))
	}
	sc.mu.Unlock()
	n, err := sc.Conn.Read(p)
	if timeout, ok := err.(interface{ Timeout() bool }); ok && timeout.Timeout() {
		err = os.ErrDeadlineExceeded
		if !own {
			err = fmt.Errorf("the app has sent nothing for %v: %w", patience, err)
		}
	}
	return n, err
}

func (sc *socketConn) SetReadDeadline(t time.Time) error {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.own = sc.accepted == nil
	return sc.Conn.SetReadDeadline(t)
}

// SetWriteDeadline is called by the library before each write, with the zero time for none.
func (sc *socketConn) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		t = time.Now().Add(min(socketPatience, sc.cl.Timeout))
	}
	return sc.Conn.SetWriteDeadline(t)
}

func (sc *socketConn) SetDeadline(t time.Time) error {
	return errors.Join(sc.SetReadDeadline(t), sc.SetWriteDeadline(t))
}

// ReadText returns the next message of ws. The test ends when it is no text, or none comes.
func ReadText(t testing.TB, ws *websocket.Conn) string {
	t.Helper()
	kind, data, err := ws.ReadMessage()
	if err != nil {
		t.Fatalf("websocket: no message: %v", err)
	}
	if kind != websocket.TextMessage {
		t.Fatalf("websocket: a binary message, want text: %d bytes %.200q", len(data), data)
	}
	return string(data)
}

// WriteText sends a text message. The test ends when that fails.
func WriteText(t testing.TB, ws *websocket.Conn, text string) {
	t.Helper()
	if err := ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		t.Fatalf("websocket: write: %v", err)
	}
}

// ReadClose waits for the app to close ws, answers its close frame and returns what it says: 1005 is a frame without a code, 1006 a
// connection that was cut. The test ends when a message comes instead, nothing does, or the connection stays open after the frame.
func ReadClose(t testing.TB, ws *websocket.Conn) quart.CloseError {
	t.Helper()
	defer func() { _ = ws.Close() }()
	kind, data, err := ws.ReadMessage()
	if err == nil {
		t.Fatalf("websocket: a message of type %d, want a close frame: %d bytes %.200q", kind, len(data), data)
	}
	ended, ok := errors.AsType[*websocket.CloseError](err)
	if !ok {
		t.Fatalf("websocket: no close frame: %v", err)
	}
	if ended.Code == websocket.CloseAbnormalClosure {
		return quart.CloseError{Code: ended.Code} // its text is the library's
	}
	var more [1]byte
	if n, err := ws.NetConn().Read(more[:]); n > 0 || err == nil {
		t.Fatalf("websocket: more after the close frame with %d", ended.Code)
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("websocket: the app does not close the connection after its close frame with %d", ended.Code)
	}
	return quart.CloseError{Code: ended.Code, Reason: ended.Text}
}
