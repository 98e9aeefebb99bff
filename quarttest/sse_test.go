package quarttest_test

import (
	"bufio"
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

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

const (
	sseHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	chunked = sseHead + "Transfer-Encoding: chunked\r\n\r\n"
	closing = sseHead + "Connection: close\r\n\r\n"
)

// byHand answers with what f writes to the connection, which is closed after it.
func byHand(f func(conn net.Conn)) quart.Handler {
	return func(c *quart.Ctx) error {
		c.Fast().HijackSetNoResponse(true)
		c.Fast().Hijack(f)
		return nil
	}
}

// TestStreamArrives: each event is there when the app has sent its last byte, and before any other is.
func TestStreamArrives(t *testing.T) {
	tests := []struct {
		name, head string
		pieces     []string // what comes after the head; an event is complete after each of them
		end        string
	}{
		{"chunked", chunked, []string{"9\r\ndata: 1\n\n", "\r\n3\r\ndat\r\n6\r\na: 2\r\n\r\n1\r\n\r"}, "\r\n1\r\n\n\r\n0\r\nX-Sum: 7\r\n\r\n"},
		{"until close", closing, []string{"data: 1\n\n", "data: 2\r\n\r"}, "\n: bye\n"},
		{"sized", sseHead + "Content-Length: 19\r\n\r\n", []string{"data: 1\n\n", ": x\ndata\n\n"}, ""},
		{"after early hints", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + closing, []string{"data: 1\n\n"}, ""},
		{"type with a parameter", strings.Replace(closing, "stream\r", "stream; charset=utf-8\r", 1), []string{"data: 1\n\n"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				next := make(chan struct{})
				finish := sync.OnceFunc(func() { close(next) })
				defer finish() // also when the test fails
				app := newApp(t)
				app.Get("/", byHand(func(conn net.Conn) {
					_, _ = io.WriteString(conn, tt.head)
					for _, piece := range tt.pieces {
						<-next
						_, _ = io.WriteString(conn, piece)
					}
					<-next
					_, _ = io.WriteString(conn, tt.end)
				}))
				s := quarttest.New(t, app, quarttest.HTTP1).SSE("/")
				for range tt.pieces {
					if e, err := s.Try(time.Minute); !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Fatalf("before it was sent: %+v, %v", e, err)
					}
					next <- struct{}{}
					s.Next(time.Nanosecond) // in a bubble: once all others wait
				}
				finish()
				s.End(time.Second)
			})
		})
	}
}

func TestStreamFields(t *testing.T) {
	app := newApp(t)
	app.Get("/cookie", func(c *quart.Ctx) error {
		c.SetCookie(quart.Cookie{Name: "who", Value: "ada"})
		return c.NoContent()
	})
	app.Handle(quart.MethodAny, "/", func(c *quart.Ctx) error {
		seen := fmt.Sprintf("%s %s %s %s %s", c.Method(), c.Header("Accept"), c.Header("Cache-Control"), c.Header("Last-Event-ID"), c.Cookie("who"))
		c.SetHeader("X-Accel-Buffering", "no")
		c.SetCookie(quart.Cookie{Name: "who", Value: "grace"})
		return c.Bytes(200, "text/event-stream", []byte("retry: 1500\n\n: hi\nid: 8\nevent: seen\ndata: "+seen+"\ndata: \n\n:\n\nid: 9\n\ndata\n\n"))
	})
	cl := quarttest.New(t, app, quarttest.HTTP1)
	cl.Get("/cookie").Want(204)
	s := cl.SSE("/", "Last-Event-ID", "7")
	if got, want := s.Next(time.Second), (quart.Event{ID: "8", Name: "seen", Data: "GET text/event-stream no-cache 7 ada\n"}); got != want {
		t.Errorf("first event %+v, want %+v", got, want)
	}
	if got := s.Next(time.Second); got != (quart.Event{}) {
		t.Errorf("second event %+v", got)
	}
	s.End(time.Second)
	if got := fmt.Sprintf("%s %v %s %d %q %q", s.LastEventID(), s.Retry(), s.Header("x-accel-buffering"), s.Comments(), s.NextComment(0), s.NextComment(0)); got != `9 1.5s no 2 "hi" ""` {
		t.Errorf("last id, retry, header, comments: %s", got)
	}

	s = cl.Post("/").Header("accept", "*/*").JSON(1).SSE()
	if got := s.Next(time.Second).Data; got != "POST */* no-cache  grace\n" {
		t.Errorf("POST: %q", got)
	}
}

// TestStreamFailures shows that each mistake ends the test with what it takes to understand it.
func TestStreamFailures(t *testing.T) {
	const second = time.Second
	open := func(conn net.Conn) { _, _ = io.ReadFull(conn, make([]byte, 1)) } // until the client leaves
	tests := []struct {
		name, answer string
		stays        bool
		test         func(s *quarttest.Stream)
		want         string
	}{
		{"status", "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", false, nil, "GET /: no event stream: status 503; body: busy"},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\n", false, nil, "no event stream: status 204; body: "},
		{"type", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>", false, nil, `no event stream: Content-Type "text/html"; body: <p>`},
		{"similar type", "HTTP/1.1 200 OK\r\nContent-Type: text/event-streams\r\n\r\n", false, nil, "no event stream: Content-Type"},
		{"coding", sseHead + "Content-Encoding: gzip\r\n\r\n", false, nil, `no event stream: Content-Encoding "gzip"`},
		{"cut refusal", "HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nno", false, nil, "status 500; body: no\nresponse 500: body: unexpected EOF"},
		{"no answer", "", false, nil, "GET /: no response: EOF"},
		{"hanging", "", true, nil, "GET /: no response: fasthttputil: timeout"},
		{"length and chunked", sseHead + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", false, nil, "both Content-Length"},
		{"none in time", closing + "data: x\n", true, func(s *quarttest.Stream) { s.Next(second) }, "GET /: no event: none came within 1s"},
		{"none before the end", closing, false, func(s *quarttest.Stream) { s.Next(second) }, "no event: the app has ended the stream"},
		{"no comment", closing + "data: x\n\n", true, func(s *quarttest.Stream) { s.NextComment(second) }, "no comment: none came within 1s"},
		{"no end", closing, true, func(s *quarttest.Stream) { s.End(second) }, "no proper end: none came within 1s"},
		{"an event instead", closing + "data: x\n\n", false, func(s *quarttest.Stream) { s.End(second) }, "Data:x Retry:0s Comment:}, want the end of the stream"},
		{"within an event", closing + "data: x\n", false, func(s *quarttest.Stream) { s.End(second) }, "the stream ends within an event"},
		{"no last chunk", chunked + "1\r\n:\r\n", false, func(s *quarttest.Stream) { s.End(second) }, "no proper end: the stream was cut: unexpected EOF"},
		{"cut in a chunk", chunked + "9\r\ndata", false, func(s *quarttest.Stream) { s.Next(second) }, "no event: the stream was cut: unexpected EOF"},
		{"cut behind a chunk", chunked + "1\r\n:", false, func(s *quarttest.Stream) { s.Next(second) }, "no event: the stream was cut: unexpected EOF"},
		{"cut below its length", sseHead + "Content-Length: 9\r\n\r\ndata", false, func(s *quarttest.Stream) { s.End(second) }, "the stream was cut: unexpected EOF"},
		{"malformed chunk", chunked + "x\r\n", false, func(s *quarttest.Stream) { s.Next(second) }, "the stream was cut: malformed chunk size"},
		{"closed", closing, true, func(s *quarttest.Stream) { s.Close(); s.Next(second) }, "no event: the test has closed the stream"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := record(t, func(tb testing.TB) {
					app := newApp(t)
					app.Get("/", byHand(func(conn net.Conn) {
						_, _ = io.WriteString(conn, tt.answer)
						if tt.stays {
							open(conn)
						}
					}))
					s := quarttest.New(tb, app, quarttest.HTTP1).SSE("/")
					if tt.test == nil {
						t.Error("the stream was opened")
						return
					}
					tt.test(s)
				})
				if !strings.Contains(got, tt.want) {
					t.Errorf("failed with %q, want %q", got, tt.want)
				}
			})
		})
	}
	if got := record(t, func(tb testing.TB) { quarttest.New(tb, newApp(t), quarttest.HTTP1).SSE("/", "Last-Event-ID") }); !strings.Contains(got, "in turn") {
		t.Errorf("odd pairs: failed with %q", got)
	}
	if got := record(t, func(tb testing.TB) { quarttest.New(tb, newApp(t), quarttest.HTTP1).SSE("/a b") }); !strings.Contains(got, "see Client.Raw") {
		t.Errorf("bad target: failed with %q", got)
	}
}

// TestStreamTry: what was received comes before the reason why nothing more does.
func TestStreamTry(t *testing.T) {
	tests := []struct {
		name, answer string
		want         error
	}{
		{"ended", chunked + "9\r\ndata: 1\n\n\r\n0\r\n\r\n", io.EOF},
		{"cut", chunked + "9\r\ndata: 1\n\n\r\n", io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := newApp(t)
			app.Get("/", byHand(func(conn net.Conn) { _, _ = io.WriteString(conn, tt.answer) }))
			s := quarttest.New(t, app, quarttest.HTTP1).SSE("/")
			if e, err := s.Try(time.Second); e.Data != "1" || err != nil {
				t.Errorf("%+v, %v", e, err)
			}
			for range 2 {
				if e, err := s.Try(time.Second); !errors.Is(err, tt.want) || e != (quart.Event{}) {
					t.Errorf("%+v, %v, want %v", e, err, tt.want)
				}
			}
			s.Close() // after the end
		})
	}
}

// TestStreamClose: the app sees that the client left, and the test keeps what had come.
func TestStreamClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := make(chan error, 1)
		app := newApp(t)
		app.Get("/", byHand(func(conn net.Conn) {
			_, _ = io.WriteString(conn, closing+"data: 1\n\n")
			_, err := conn.Read(make([]byte, 1))
			left <- err
		}))
		s := quarttest.New(t, app, quarttest.HTTP1).SSE("/")
		synctest.Wait()
		select {
		case err := <-left:
			t.Fatalf("the app lost the client: %v", err)
		default:
		}
		s.Close()
		s.Close()
		if err := <-left; err != io.EOF {
			t.Errorf("the app reads %v", err)
		}
		if e, err := s.Try(0); e.Data != "1" || err != nil {
			t.Errorf("%+v, %v", e, err)
		}
		if _, err := s.Try(time.Hour); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// TestStreamReadsOn: a test that takes no events does not hold the app up, and the client's timeout is for the head only.
func TestStreamReadsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events = 1000
		sent := make(chan struct{})
		app := newApp(t)
		app.Get("/", func(c *quart.Ctx) error {
			c.Fast().SetContentType("text/event-stream")
			c.Fast().SetBodyStreamWriter(func(w *bufio.Writer) {
				defer close(sent)
				for i := range events {
					if i%300 == 0 {
						_, _ = io.WriteString(w, ":\n")
						_ = w.Flush()
						time.Sleep(15 * time.Second)
					}
					_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
					_ = w.Flush()
				}
			})
			return nil
		})
		cl := quarttest.New(t, app, quarttest.HTTP1)
		cl.Timeout = time.Second
		s := cl.SSE("/")
		<-sent
		for i := range events {
			if got := s.Next(time.Second).Data; got != fmt.Sprint(i) {
				t.Fatalf("event %d is %q", i, got)
			}
		}
		s.End(time.Second)
		if n := s.Comments(); n != 4 {
			t.Errorf("%d comments", n)
		}
	})
}

// TestStart: the request arrives, and the app sees its client leave.
func TestStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan string)
		app := newApp(t)
		app.Post("/{n}", func(c *quart.Ctx) error {
			body, err := c.Body()
			if err != nil {
				return err
			}
			text := c.Param("n") + " " + string(body)
			return byHand(func(conn net.Conn) {
				got <- text
				_, err := conn.Read(make([]byte, 1))
				got <- fmt.Sprint(err)
			})(c)
		})
		app.Get("/", func(c *quart.Ctx) error { return c.NoContent() })
		cl := quarttest.New(t, app, quarttest.HTTP1)
		cl.Get("/").Want(204) // leaves a connection for the next one
		for _, n := range []string{"1", "2"} {
			leave := cl.Post("/"+n).Form("a", "b").Start()
			if text := <-got; text != n+" a=b" {
				t.Errorf("the handler got %q", text)
			}
			synctest.Wait()
			leave()
			leave()
			if err := <-got; err != "EOF" {
				t.Errorf("the handler saw %s", err)
			}
		}
	})
	if got := record(t, func(tb testing.TB) { quarttest.New(tb, newApp(t), quarttest.HTTP1).Get("/ ").Start() }); !strings.Contains(got, "see Client.Raw") {
		t.Errorf("bad target: failed with %q", got)
	}
}
