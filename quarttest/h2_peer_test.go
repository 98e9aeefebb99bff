package quarttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// overPeer is a client of net/http's server, whose HTTP/2 is another's: that the client works with it says that both ends of this
// project do not just make the same mistakes.
func overPeer(t *testing.T, p Protocol, h http.HandlerFunc) *Client {
	t.Helper()
	srv := &http.Server{Handler: h, Protocols: new(http.Protocols)}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	srv.Protocols.SetHTTP2(true)
	return newClient(t, p, func(ctx context.Context, l net.Listener) error {
		stopped := make(chan error, 1)
		go func() {
			<-ctx.Done()
			over, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			stopped <- srv.Shutdown(over)
		}()
		if err := srv.Serve(l); err != http.ErrServerClosed {
			return err
		}
		return <-stopped
	})
}

func TestH2Exchange(t *testing.T) {
	Protocols(t, func(t *testing.T, p Protocol) {
		cl := overPeer(t, p, func(w http.ResponseWriter, r *http.Request) {
			if want := map[Protocol]int{HTTP1: 1, H2C: 2, HTTP2: 2}[p]; r.ProtoMajor != want || (r.TLS != nil) != (p == HTTP2) {
				t.Errorf("%s: %s, TLS %v", p, r.Proto, r.TLS != nil)
			}
			switch r.URL.Path {
			case "/echo":
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Errorf("body: %v", err)
				}
				w.Header().Set("X-Seen", fmt.Sprintf("%s %s %s type=%q length=%d cookie=%q trailer=%v",
					r.Method, r.RequestURI, r.Host, r.Header.Get("Content-Type"), r.ContentLength, r.Header.Get("Cookie"), r.Trailer))
				_, _ = w.Write(body)
			case "/hints":
				w.Header().Set("Link", "</a.css>")
				w.WriteHeader(103)
				w.WriteHeader(200)
				_, _ = io.WriteString(w, "late")
			case "/trailer":
				w.Header().Set("Trailer", "X-Sum")
				_, _ = io.WriteString(w, "body")
				w.Header().Set("X-Sum", "7")
			case "/cookie":
				http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
				http.SetCookie(w, &http.Cookie{Name: "c", Value: "d", Path: "/"})
				w.WriteHeader(204)
			case "/redirect":
				http.Redirect(w, r, "/echo", http.StatusSeeOther)
			case "/early": // before the body was read
				w.WriteHeader(413)
			}
		})
		large := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
		tests := []struct {
			name       string
			req        *Request
			seen, body string
		}{
			{"get", cl.Get("/echo?q=%20"), `GET /echo?q=%20 localhost type="" length=0 cookie="" trailer=map[]`, ""},
			{"host", cl.Get("/echo").Header("Host", "example.com"), `GET /echo example.com type="" length=0 cookie="" trailer=map[]`, ""},
			{"own cookies", cl.Get("/echo").Header("Cookie", "a=b; c=d"), `GET /echo localhost type="" length=0 cookie="a=b; c=d" trailer=map[]`, ""},
			{"post", cl.Post("/echo").Body("a/b", []byte("x")), `POST /echo localhost type="a/b" length=1 cookie="" trailer=map[]`, "x"},
			{"empty", cl.Post("/echo").Body("a/b", nil), `POST /echo localhost type="a/b" length=0 cookie="" trailer=map[]`, ""},
			{"about the connection", cl.Get("/echo").Header("Connection", "keep-alive").Header("Keep-Alive", "1"), `GET /echo localhost type="" length=0 cookie="" trailer=map[]`, ""},
			{"large", cl.Put("/echo").Body("a/b", large), `PUT /echo localhost type="a/b" length=4194304 cookie="" trailer=map[]`, string(large)},
			{
				"chunked", cl.Post("/echo").Header("Transfer-Encoding", "chunked").Header("Trailer", "X-T").Body("", []byte("2\r\nhi\r\n0\r\nX-T: 8\r\n\r\n")),
				`POST /echo localhost type="" length=-1 cookie="" trailer=map[X-T:[8]]`, "hi",
			},
		}
		for _, tt := range tests {
			resp := tt.req.Want(200)
			if got := resp.Header("X-Seen"); got != tt.seen {
				t.Errorf("%s: seen %s\nwant %s", tt.name, got, tt.seen)
			}
			if resp.Text() != tt.body {
				t.Errorf("%s: %d bytes, want %d", tt.name, len(resp.Text()), len(tt.body))
			}
		}
		if resp := cl.Head("/trailer").Want(200); resp.Text() != "" {
			t.Errorf("HEAD: %q", resp.Text())
		}
		if resp := cl.Get("/trailer").Want(200); resp.Text() != "body" || resp.Trailer("x-sum") != "7" {
			t.Errorf("trailer: %q, %q", resp.Text(), resp.Trailer("X-Sum"))
		}
		if resp := cl.Get("/hints").Want(200); len(resp.Interim) != 1 || resp.Interim[0].Status != 103 || resp.Interim[0].Header("Link") != "</a.css>" || resp.Text() != "late" {
			t.Errorf("103: %+v, %q", resp.Interim, resp.Text())
		}
		cl.Get("/cookie").Want(204)
		if got := cl.Get("/redirect").Follow().Want(200); !strings.Contains(got.Header("X-Seen"), `cookie="a=b; c=d"`) {
			t.Errorf("redirect: %s", got.Header("X-Seen"))
		}
		if p != HTTP1 { // there, the server resets the connection
			cl.Post("/early").Body("", large).Want(413)
			cl.Get("/echo").Want(200)
		}
	})
}

// TestH2Concurrent: many requests at once over one connection, each with bodies beyond the windows.
func TestH2Concurrent(t *testing.T) {
	Protocols(t, func(t *testing.T, p Protocol) {
		cl := overPeer(t, p, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("X-From", r.RemoteAddr)
			w.Header().Set("X-Sum", fmt.Sprintf("%x", sha256.Sum256(body)))
			_, _ = w.Write(body)
		})
		var from sync.Map
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				for j := range 3 {
					body := bytes.Repeat([]byte{byte(i), byte(j), 3}, 100_000)
					resp := cl.Post("/").Body("", body).Send()
					from.Store(resp.Header("X-From"), true)
					if want := fmt.Sprintf("%x", sha256.Sum256(body)); resp.Header("X-Sum") != want || !bytes.Equal(resp.Bytes(), body) {
						t.Errorf("request %d.%d: %d bytes", i, j, len(resp.Bytes()))
					}
				}
			})
		}
		wg.Wait()
		conns := 0
		from.Range(func(any, any) bool { conns++; return true })
		if p != HTTP1 && conns != 1 {
			t.Errorf("%d connections, want one", conns)
		}
	})
}

// TestH2Tunnel: a websocket over extended CONNECT, which net/http leaves to the handler.
func TestH2Tunnel(t *testing.T) {
	if !strings.Contains(os.Getenv("GODEBUG"), "http2xconnect=1") { // it is read at the start of a process
		cmd := exec.Command(os.Args[0], "-test.run=^TestH2Tunnel$", "-test.v")
		cmd.Env = append(os.Environ(), "GODEBUG=http2xconnect=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestH2Tunnel/h2 ") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	for _, p := range []Protocol{H2C, HTTP2} {
		t.Run(p.String(), func(t *testing.T) {
			cl := overPeer(t, p, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "CONNECT" || r.Header.Get(":protocol") != "websocket" {
					http.Error(w, "no websocket", http.StatusUpgradeRequired)
					return
				}
				if r.Header.Get("Sec-WebSocket-Key") != "" || r.Header.Get("Sec-WebSocket-Version") != "13" || r.URL.Path != "/ws" {
					t.Errorf("handshake %s %v", r.URL, r.Header)
				}
				if r.Header.Get("Origin") != "" {
					http.Error(w, "not from there", http.StatusForbidden)
					return
				}
				w.Header().Set("Sec-WebSocket-Protocol", r.Header.Get("Sec-WebSocket-Protocol"))
				w.WriteHeader(200)
				out := http.NewResponseController(w)
				_ = out.Flush()
				_, _ = io.WriteString(w, "\x81\x05hello")
				_ = out.Flush()
				var head [6]byte // of one masked message
				if _, err := io.ReadFull(r.Body, head[:]); err != nil || head[0] != 0x81 || head[1] != 0x82 {
					t.Errorf("frame % x, %v", head, err)
				}
				_, _ = io.CopyN(io.Discard, r.Body, 2)
				_, _ = io.WriteString(w, "\x88\x02\x03\xe8")
				_ = out.Flush()
				_, _ = io.ReadFull(r.Body, make([]byte, 8)) // the answer
			})
			ws, resp := cl.Handshake("/ws", "Sec-WebSocket-Protocol", "v1")
			if ws == nil || resp.Status != 200 || ws.Subprotocol() != "v1" {
				t.Fatalf("%s%s", resp.Head(), resp.Text())
			}
			if got := ReadText(t, ws); got != "hello" {
				t.Errorf("message %q", got)
			}
			WriteText(t, ws, "hi")
			if got := ReadClose(t, ws); got.Code != 1000 {
				t.Errorf("closed with %+v", got)
			}
			if ws, resp := cl.Handshake("/ws", "Origin", "https://evil.example"); ws != nil || resp.Status != 403 || resp.Text() != "not from there\n" {
				t.Errorf("refusal: %s%s", resp.Head(), resp.Text())
			}
			if ws, resp := cl.Handshake("/ws", "Connection", "close"); ws != nil || resp.Status != 426 {
				t.Errorf("no handshake: %s", resp.Head())
			}
		})
	}
}
