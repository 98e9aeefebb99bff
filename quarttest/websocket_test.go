package quarttest_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

// echoFrames sends back what comes, until the client leaves or says bye.
func echoFrames(ws *websocket.Conn) {
	for {
		kind, data, err := ws.ReadMessage()
		if err != nil {
			return
		}
		if string(data) == "bye" {
			_ = ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4001, "as you say"))
			_, _, _ = ws.ReadMessage() // the answer
			return
		}
		_ = ws.WriteMessage(kind, data)
	}
}

// shakeHands answers a handshake by hand: f gets the connection behind a 101 with these header lines.
func shakeHands(lines string, f func(conn net.Conn)) quart.Handler {
	return func(c *quart.Ctx) error {
		sum := sha1.Sum([]byte(c.Header("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		lines := strings.ReplaceAll(lines, "KEY", base64.StdEncoding.EncodeToString(sum[:]))
		return byHand(func(conn net.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n"+lines+"\r\n")
			f(conn)
		})(c)
	}
}

const accepted = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n"

func TestWebSocketEcho(t *testing.T) {
	for name, extensions := range map[string]string{"plain": "", "deflate": "permessage-deflate"} {
		t.Run(name, func(t *testing.T) {
			app := newApp(t)
			app.Get("/ws", quart.FastUpgrader(websocket.FastHTTPUpgrader{EnableCompression: true}, echoFrames))
			cl := quarttest.New(t, app, quarttest.HTTP1)
			var header []string
			if extensions != "" {
				header = []string{"Sec-WebSocket-Extensions", extensions}
			}
			ws := cl.WebSocket("/ws", header...)
			large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16-1)
			for _, m := range []struct {
				kind int
				data []byte
			}{{websocket.TextMessage, []byte("hällo")}, {websocket.BinaryMessage, []byte{0, 255}}, {websocket.TextMessage, nil}, {websocket.BinaryMessage, large}} {
				if err := ws.WriteMessage(m.kind, m.data); err != nil {
					t.Fatal(err)
				}
				kind, data, err := ws.ReadMessage()
				if kind != m.kind || !bytes.Equal(data, m.data) || err != nil {
					t.Errorf("echo of %d %.20q: %d %.20q, %v", m.kind, m.data, kind, data, err)
				}
			}
			w, err := ws.NextWriter(websocket.TextMessage)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 { // the library's buffer is 4 KiB, so these are fragments
				_, _ = io.WriteString(w, strings.Repeat("x", 5000))
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if got := quarttest.ReadText(t, ws); got != strings.Repeat("x", 15000) {
				t.Errorf("%d bytes of fragments", len(got))
			}
			quarttest.WriteText(t, ws, "bye")
			if got, want := quarttest.ReadClose(t, ws), (quart.CloseError{Code: 4001, Reason: "as you say"}); got != want {
				t.Errorf("closed with %+v, want %+v", got, want)
			}
		})
	}
}

// TestWebSocketRequest: what the app sees of a handshake, and what the client keeps of the answer.
func TestWebSocketRequest(t *testing.T) {
	app := newApp(t)
	app.Handle(quart.MethodAny, "/{path?:*}", func(c *quart.Ctx) error {
		c.SetCookie(quart.Cookie{Name: "seen", Value: "in-" + c.Param("path")})
		c.SetHeader("X-Seen", fmt.Sprint(c.Method(), " ", c.Target(), " host=", c.Host(), " origin=", c.Header("Origin"), " cookie=", c.Header("Cookie")))
		if c.Param("path") == "no" {
			return quart.ErrForbidden
		}
		return quart.FastWebSocket(echoFrames)(c)
	})
	cl := quarttest.New(t, app, quarttest.HTTP1)
	tests := []struct {
		name, target string
		header       []string
		seen         string
		status       int
	}{
		{"path", "/ws?a=%20b", nil, "GET /ws?a=%20b host=localhost origin= cookie=who=ada", 101},
		{"refused", "/no", nil, "GET /no host=localhost origin= cookie=who=ada", 403},
		{"URL", "ws://example.com:81/a/b?c=d", nil, "GET /a/b?c=d host=example.com:81 origin= cookie=who=ada", 101},
		{"secure URL", "wss://example.com/a", nil, "GET /a host=example.com origin= cookie=who=ada", 101},
		{"URL without a path", "ws://example.com?a=/b", nil, "GET /?a=/b host=example.com origin= cookie=who=ada", 101},
		{"host", "ws://example.com/a", []string{"host", "api.test"}, "GET /a host=api.test origin= cookie=who=ada", 101},
		{"own origin", "/a", []string{"Origin", "http://localhost"}, "GET /a host=localhost origin=http://localhost cookie=who=ada", 101},
		{"foreign origin", "/a", []string{"Origin", "https://evil.example"}, "GET /a host=localhost origin=https://evil.example cookie=who=ada", 403},
		{"own cookie", "/a", []string{"Cookie", "a=b"}, "GET /a host=localhost origin= cookie=a=b", 101},
		{"version", "/a", []string{"sec-websocket-version", "8"}, "GET /a host=localhost origin= cookie=who=ada", 426},
		{"key", "/a", []string{"Sec-WebSocket-Key", "c2hvcnQ="}, "GET /a host=localhost origin= cookie=who=ada", 400},
		{"own key", "/a", []string{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}, "GET /a host=localhost origin= cookie=who=ada", 101},
		{"no upgrade", "/a", []string{"Upgrade", "h2c"}, "GET /a host=localhost origin= cookie=who=ada", 426},
		{"proxied", "/a", []string{"Connection", "keep-alive, Upgrade"}, "GET /a host=localhost origin= cookie=who=ada", 101},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cl.ClearCookies()
			cl.SetCookie("who", "ada")
			ws, resp := cl.Handshake(tt.target, tt.header...)
			if resp.Status != tt.status || (ws != nil) != (tt.status == 101) {
				t.Fatalf("status %d, want %d; body: %s", resp.Status, tt.status, resp.Text())
			}
			if got := resp.Header("X-Seen"); got != tt.seen {
				t.Errorf("seen %q, want %q", got, tt.seen)
			}
			if ck, ok := resp.Cookie("seen"); !ok || ck.Value != cl.Cookie("seen") {
				t.Errorf("cookie %+v, in the jar %q", ck, cl.Cookie("seen"))
			}
			if ws == nil {
				return
			}
			defer ws.Close()
			quarttest.WriteText(t, ws, "hi")
			if got := quarttest.ReadText(t, ws); got != "hi" {
				t.Errorf("echo %q", got)
			}
		})
	}
	t.Run("by a Request", func(t *testing.T) {
		cl.ClearCookies()
		ws, resp := cl.Get("/a").Query("b", "c").Handshake()
		if got := resp.Header("X-Seen"); ws == nil || got != "GET /a?b=c host=localhost origin= cookie=" {
			t.Errorf("GET: %d, seen %q", resp.Status, got)
		}
		ws, resp = cl.Post("/a").Body("text/plain", []byte("x")).Handshake()
		if ws != nil || resp.Status != 426 {
			t.Errorf("POST: %d", resp.Status)
		}
	})
}

func TestWebSocketNegotiation(t *testing.T) {
	const deflate = "Sec-WebSocket-Extensions: permessage-deflate"
	tests := []struct {
		name           string
		offer          []string
		answer         string // more lines of it
		open           bool
		protocol, want string // want is how the test ends, "" if it does not
	}{
		{"nothing", nil, "", true, "", ""},
		{"subprotocol", []string{"Sec-WebSocket-Protocol", "v1, v2", "Sec-WebSocket-Protocol", "v3"}, "Sec-WebSocket-Protocol: v3\r\n", true, "v3", ""},
		{"subprotocol declined", []string{"Sec-WebSocket-Protocol", "v1"}, "", true, "", ""},
		{"foreign subprotocol", []string{"Sec-WebSocket-Protocol", "v1"}, "Sec-WebSocket-Protocol: v\r\n", false, "", `the subprotocol "v" was not offered`},
		{"subprotocol unasked", nil, "Sec-WebSocket-Protocol: v1\r\n", false, "", `the subprotocol "v1" was not offered`},
		{"two subprotocols", []string{"Sec-WebSocket-Protocol", "v1, v2"}, "Sec-WebSocket-Protocol: v1\r\nsec-websocket-protocol: v2\r\n", false, "", "2 lines of Sec-WebSocket-Protocol"},
		{"deflate", []string{"Sec-WebSocket-Extensions", "permessage-deflate"}, deflate + "; server_no_context_takeover\r\n", true, "", ""},
		{"deflate with a window", []string{"Sec-WebSocket-Extensions", "x, permessage-deflate; server_max_window_bits=10"}, deflate + "; server_max_window_bits=10; server_no_context_takeover\r\n", true, "", ""},
		{"deflate declined", []string{"Sec-WebSocket-Extensions", "permessage-deflate"}, "", true, "", ""},
		{"context takeover", []string{"Sec-WebSocket-Extensions", "permessage-deflate"}, deflate + "\r\n", false, "", ""},
		{"small window of the client", []string{"Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"}, deflate + "; server_no_context_takeover; client_max_window_bits=9\r\n", false, "", ""},
		{"foreign extension", []string{"Sec-WebSocket-Extensions", "x-zip;a=1"}, "Sec-WebSocket-Extensions: x-zip\r\n", false, "", ""},
		{"extension unasked", nil, deflate + "; server_no_context_takeover\r\n", false, "", `the extension "permessage-deflate" was not offered`},
		{"length", nil, "Content-Length: 0\r\n", false, "", "Content-Length in a 101"},
		{"chunked", nil, "Transfer-Encoding: chunked\r\n", false, "", "Transfer-Encoding in a 101"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := newApp(t)
			app.Get("/", shakeHands(accepted+tt.answer, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) }))
			failed := record(t, func(rt testing.TB) {
				ws, resp := quarttest.New(rt, app, quarttest.HTTP1).Handshake("/", tt.offer...)
				if resp.Status != 101 || (ws != nil) != tt.open {
					t.Errorf("status %d, connection %v", resp.Status, ws != nil)
				}
				if ws != nil && ws.Subprotocol() != tt.protocol {
					t.Errorf("subprotocol %q, want %q", ws.Subprotocol(), tt.protocol)
				}
			})
			if tt.want == "" && failed != "" || !strings.Contains(failed, tt.want) {
				t.Errorf("failed with %q, want %q", failed, tt.want)
			}
		})
	}
}

// TestWebSocketFailures shows that each mistake ends the test with what it takes to understand it.
func TestWebSocketFailures(t *testing.T) {
	open := func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) } // until the client leaves
	frames := func(b string) func(conn net.Conn) {
		return func(conn net.Conn) { _, _ = io.WriteString(conn, b); _, _ = io.Copy(io.Discard, conn) }
	}
	text := func(t testing.TB, ws *websocket.Conn) { quarttest.ReadText(t, ws) }
	closed := func(t testing.TB, ws *websocket.Conn) { quarttest.ReadClose(t, ws) }
	tests := []struct {
		name    string
		handler quart.Handler
		header  []string
		use     func(t testing.TB, ws *websocket.Conn)
		want    string
	}{
		{"refused", func(*quart.Ctx) error { return quart.Errorf(403, "not you") }, nil, nil, `GET /ws: no websocket: status 403; body: {`},
		{"detail", func(*quart.Ctx) error { return quart.Errorf(403, "not you") }, nil, nil, `not you`},
		{"no route", nil, nil, nil, "status 404"},
		{"odd header", nil, []string{"Origin"}, nil, "header names and values go in turn"},
		{"injected header", nil, []string{"Origin", "a\r\nb: c"}, nil, "cannot be sent"},
		{"no answer", byHand(func(net.Conn) {}), nil, nil, "no response: EOF"},
		{"hanging", byHand(open), nil, nil, "no response: "},
		{"accept", shakeHands("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n", open), nil, nil, `no answer to the handshake: Sec-WebSocket-Accept "x", want "`},
		{"upgrade", shakeHands("Connection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n", open), nil, nil, `Upgrade ""`},
		{"connection", shakeHands("Upgrade: websocket\r\nConnection: keep-alive\r\nSec-WebSocket-Accept: KEY\r\n", open), nil, nil, `Connection "keep-alive"`},
		{"extension", shakeHands(accepted+"Sec-WebSocket-Extensions: permessage-deflate\r\n", open), []string{"Sec-WebSocket-Extensions", "permessage-deflate"}, nil, `this client cannot speak "permessage-deflate"`},

		{"silence", shakeHands(accepted, open), nil, text, "no message: the app has sent nothing for 10s"},
		{"binary", shakeHands(accepted, frames("\x82\x02hi")), nil, text, `a binary message, want text: 2 bytes "hi"`},
		{"cut", shakeHands(accepted, func(net.Conn) {}), nil, text, "no message: websocket: close 1006"},
		{"closed", shakeHands(accepted, frames("\x88\x02\x03\xe8")), nil, text, "no message: websocket: close 1000"},
		{"message", shakeHands(accepted, frames("\x81\x02hi")), nil, closed, `a message of type 1, want a close frame: 2 bytes "hi"`},
		{"no close", shakeHands(accepted, open), nil, closed, "no close frame: the app has sent nothing"},
		{"half a close", shakeHands(accepted, frames("\x88\x02\x03\xe8")), nil, closed, "does not close the connection after its close frame with 1000"},
		{"more", shakeHands(accepted, func(conn net.Conn) {
			_, _ = io.WriteString(conn, "\x88\x02\x03\xe8")
			_, _ = conn.Read(make([]byte, 8))
			_, _ = io.WriteString(conn, "\x81\x00")
		}), nil, closed, "more after the close frame with 1000"},
		{"masked", shakeHands(accepted, frames("\x81\x80\x00\x00\x00\x00")), nil, closed, "no close frame: websocket: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := newApp(t)
				if tt.handler != nil {
					app.Get("/ws", tt.handler)
				}
				failed := record(t, func(t testing.TB) {
					ws := quarttest.New(t, app, quarttest.HTTP1).WebSocket("/ws", tt.header...)
					if tt.use == nil {
						t.Errorf("the test goes on")
						return
					}
					tt.use(t, ws)
				})
				if !strings.Contains(failed, tt.want) || strings.Contains(failed, "goes on") {
					t.Errorf("failed with %q, want %q", failed, tt.want)
				}
			})
		})
	}
}

// TestWebSocketDeadlines: a test sets its own ones in the place of the 10 s, and writes cannot hang either.
func TestWebSocketDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newApp(t)
		app.Get("/", quart.FastWebSocket(func(ws *websocket.Conn) {
			time.Sleep(time.Hour)
			_ = ws.WriteMessage(websocket.TextMessage, []byte("late"))
		}))
		cl := quarttest.New(t, app, quarttest.HTTP1)
		for _, limit := range []time.Duration{0, time.Minute, 2 * time.Hour} {
			ws := cl.WebSocket("/")
			deadline := time.Now().Add(limit)
			if limit == 0 {
				deadline = time.Time{}
			}
			_ = ws.SetReadDeadline(deadline)
			begun := time.Now()
			_, _, err := ws.ReadMessage()
			if limit == time.Minute && (!errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != limit) {
				t.Errorf("a minute's deadline: %v after %v", err, time.Since(begun))
			}
			if limit != time.Minute && err != nil {
				t.Errorf("deadline of %v: %v after %v", limit, err, time.Since(begun))
			}
		}
		ws, begun := cl.WebSocket("/"), time.Now()
		for {
			if err := ws.WriteMessage(websocket.BinaryMessage, []byte("x")); err != nil {
				break
			}
		}
		if d := time.Since(begun); d != 10*time.Second {
			t.Errorf("a write to an app that does not read failed after %v", d)
		}
		time.Sleep(time.Hour)
	})
}

// TestWebSocketEarlyFrames: what comes in one packet with the 101 is read.
func TestWebSocketEarlyFrames(t *testing.T) {
	app := newApp(t)
	frame := "\x82\x7e\x27\x10" + strings.Repeat("x", 10_000)
	app.Get("/", shakeHands(accepted+"X-Last: 1\r\n\r\n"+frame+frame[:9], func(conn net.Conn) {
		_, _ = io.WriteString(conn, frame[11:])
		_, _ = io.Copy(io.Discard, conn)
	}))
	ws := quarttest.New(t, app, quarttest.HTTP1).WebSocket("/")
	for range 2 {
		if _, data, err := ws.ReadMessage(); len(data) != 10_000 || err != nil {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
	}
}

// TestWebSocketLeaves: a handler's read ends when the client closes, when the test is over, and when the app stops.
func TestWebSocketLeaves(t *testing.T) {
	for name, leave := range map[string]func(cl *quarttest.Client, ws *websocket.Conn){
		"close":    func(_ *quarttest.Client, ws *websocket.Conn) { _ = ws.Close() },
		"test end": func(*quarttest.Client, *websocket.Conn) {},
		"app stop": func(cl *quarttest.Client, _ *websocket.Conn) { _ = cl.Stop() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which fails if a goroutine stays
				var ended sync.WaitGroup
				app := newApp(t)
				app.Get("/", quart.FastWebSocket(func(ws *websocket.Conn) {
					defer ended.Done()
					_ = ws.WriteMessage(websocket.TextMessage, []byte("here"))
					_, _, _ = ws.ReadMessage()
				}))
				failed := record(t, func(t testing.TB) {
					cl := quarttest.New(t, app, quarttest.HTTP1)
					for range 3 {
						ended.Add(1)
						ws := cl.WebSocket("/")
						quarttest.ReadText(t, ws) // else the handler may find that the client has left, and not run
						leave(cl, ws)
						if name == "app stop" {
							return
						}
					}
				})
				ended.Wait()
				if failed != "" {
					t.Error(failed)
				}
			})
		})
	}
}
