package quart

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func TestConnSlowReader(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, withTLS bool) {
		body := make([]byte, 32<<20)
		s := newConnServer(t, testLimits, withTLS, func(fc *fasthttp.RequestCtx) { fc.Response.SetBodyRaw(body) })
		c := s.dial()
		c.send(get)
		s.await(phaseHandler)
		awaitTrue(t, "the cut", func() bool {
			s.advance(10 * time.Second)
			return s.table.open.Load() == 0
		})
		if n, _ := io.Copy(io.Discard, c.r); n >= int64(len(body)) {
			t.Errorf("all %d bytes arrived", n)
		}
	})
}

// A steady reader gets all of a response that takes longer than the write limit as a whole.
func TestConnSteadyReader(t *testing.T) {
	body := make([]byte, 64<<20)
	s := newConnServer(t, testLimits, false, func(fc *fasthttp.RequestCtx) { fc.Response.SetBodyRaw(body) })
	c := s.dial()
	c.send(get)
	for got := 0; got < len(body); got += 1 << 20 {
		if _, err := io.CopyN(io.Discard, c.r, 1<<20); err != nil {
			t.Fatalf("after %d bytes: %v", got, err)
		}
		// 64 MiB take 32 s; what the socket buffers hold, the longest that a piece waits, a few.
		s.table.sweep(s.table.now.Load() + milliseconds(500*time.Millisecond))
	}
}

// What the client did in the last moment counts: the sweeper's deadline is taken back.
func TestConnRevived(t *testing.T) {
	table := newConnTable(testLimits, nil)
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go func() { _, _ = io.Copy(theirs, rand.Reader) }()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	table.open.Add(1)
	nc := table.wrap(ours, nil, ipKey{})
	defer nc.Close()
	cs := connOf(nc)
	var b [1]byte
	writeRead := func() error {
		if _, err := nc.Write(b[:]); err != nil {
			return err
		}
		_, err := nc.Read(b[:])
		return err
	}
	for _, tc := range []struct {
		name   string
		expire func()
		then   func()
	}{
		{"idle", func() { cs.move(phaseIdle, 1); cs.expireRead(cs.stamp()) }, cs.active},
		{"header", func() { cs.move(phaseHeader, 1); cs.expireRead(cs.stamp()) }, cs.enterHandler},
		{"first byte", func() { cs.active(); cs.headReceived(time.Minute); cs.expireRead(cs.stamp()) }, cs.enterHandler},
		{"body", func() { cs.enterHandler(); cs.enterBody(); cs.expireRead(cs.stamp()) }, cs.leaveBody},
	} {
		tc.expire()
		if err := writeRead(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: expired, but %v", tc.name, err)
		}
		tc.then()
		if err := writeRead(); err != nil {
			t.Errorf("%s: revived, but %v", tc.name, err)
		}
	}
	expireWrite := func(result error) {
		_ = cs.beginWrite()
		cs.expireWrite(stamp(cs.writing.Load()))
		if _, err := cs.raw.Write(b[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("an expired write: %v", err)
		}
		cs.endWrite(0, result)
	}
	expireWrite(nil)
	if err := writeRead(); err != nil {
		t.Errorf("a write that made it: %v", err)
	}
	expireWrite(os.ErrDeadlineExceeded)
	_ = cs.raw.SetWriteDeadline(time.Time{})
	if err := writeRead(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a write after a cut one: %v", err)
	}
}

func TestConnLinger(t *testing.T) {
	const size = 8 << 20
	handlers := map[string]fasthttp.RequestHandler{
		"answer without reading": func(fc *fasthttp.RequestCtx) { fc.Error("too large", 413) },
		"answer and linger": func(fc *fasthttp.RequestCtx) {
			connOf(fc.Conn()).linger()
			fc.SetConnectionClose()
			fc.Error("too large", 413)
		},
	}
	for name, h := range handlers {
		t.Run(name, func(t *testing.T) {
			plainAndTLS(t, func(t *testing.T, withTLS bool) {
				s := newConnServer(t, testLimits, withTLS, h)
				c := s.dial()
				c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size))
				c.send(strings.Repeat("x", size)) // all of it before the first read
				c.want(413)
				c.wantEnd()
			})
		})
	}
}

func TestConnReadErrors(t *testing.T) {
	for _, tc := range []struct {
		name, head string
		status     int
	}{
		{"large header", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 1<<20), 431},
		{"no request", "hello there\r\n\r\n" + strings.Repeat("x", 1<<20), 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			plainAndTLS(t, func(t *testing.T, withTLS bool) {
				s := newConnServer(t, testLimits, withTLS, hello)
				c := s.dial()
				c.send(tc.head)
				c.want(tc.status)
				c.wantEnd()
			})
		})
	}
}

func TestStatusOfReadError(t *testing.T) {
	for _, tc := range []struct {
		err    error
		status int
	}{
		{&fasthttp.ErrSmallBuffer{}, 431},
		{fmt.Errorf("reading: %w", &fasthttp.ErrSmallBuffer{}), 431},
		{fasthttp.ErrBodyTooLarge, 413},
		{fmt.Errorf("reading: %w", os.ErrDeadlineExceeded), 408},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, 408},
		{io.ErrUnexpectedEOF, 400},
		{errors.New("else"), 400},
	} {
		if got := statusOfReadError(tc.err); got != tc.status {
			t.Errorf("%v: %d, want %d", tc.err, got, tc.status)
		}
	}
}

func TestConnTypes(t *testing.T) {
	table := newConnTable(limits{}, nil)
	tcp := table.wrap(&net.TCPConn{}, nil, ipKey{})
	if _, ok := tcp.(io.ReaderFrom); !ok {
		t.Error("no sendfile on TCP")
	}
	if _, ok := tcp.(syscall.Conn); !ok {
		t.Error("no SyscallConn on TCP")
	}
	type handshaker interface{ Handshake() error }
	if _, ok := tcp.(handshaker); ok {
		t.Error("plain TCP looks like TLS")
	}
	if _, ok := table.wrap(&net.TCPConn{}, &tls.Config{}, ipKey{}).(handshaker); !ok {
		t.Error("TLS does not look like it")
	}
	if _, ok := table.wrap(tls.Server(&net.TCPConn{}, nil), nil, ipKey{}).(handshaker); !ok {
		t.Error("a TLS listener's connection does not look like TLS")
	}
	other, _ := net.Pipe()
	if _, ok := table.wrap(other, nil, ipKey{}).(handshaker); ok {
		t.Error("a pipe looks like TLS")
	}
	if connOf(other) != nil {
		t.Error("a foreign connection has a state")
	}
	var none *connState // all of the request path works without one
	none.enterHandler()
	none.setBodyTime(time.Second)
	none.boundWire(1, 1)
	_ = none.bodyFailure()
	none.linger()
	none.handOver()
	none.onComplete(nil)
}

func TestConnSendfile(t *testing.T) {
	const size = 1<<20 + 17
	name := t.TempDir() + "/file"
	want := make([]byte, size)
	_, _ = rand.Read(want)
	if err := os.WriteFile(name, want, 0o600); err != nil {
		t.Fatal(err)
	}
	sources := map[string]func(f *os.File) io.Reader{
		"file":         func(f *os.File) io.Reader { return f },
		"limited file": func(f *os.File) io.Reader { return &io.LimitedReader{R: f, N: size + 1} },
		"other":        func(f *os.File) io.Reader { return struct{ io.Reader }{f} },
	}
	for name2, source := range sources {
		t.Run(name2, func(t *testing.T) {
			s := newConnServer(t, testLimits, false, func(fc *fasthttp.RequestCtx) {
				fc.HijackSetNoResponse(true)
				fc.Hijack(func(nc net.Conn) {
					f, err := os.Open(name)
					if err != nil {
						return
					}
					defer f.Close()
					n, err := nc.(interface{ UnsafeConn() net.Conn }).UnsafeConn().(io.ReaderFrom).ReadFrom(source(f))
					if n != size || err != nil {
						t.Errorf("ReadFrom: %d, %v", n, err)
					}
				})
			})
			c := s.dial()
			c.send(get)
			got, err := io.ReadAll(c.r)
			if err != nil || string(got) != string(want) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			awaitTrue(t, "the end", func() bool { return s.table.open.Load() == 0 })
			if in, out := s.table.bytes(); in != uint64(len(get)) || out != size {
				t.Errorf("counted %d in, %d out", in, out)
			}
		})
	}
}

// A client that takes nothing of a file is cut, too.
func TestConnSendfileSlowReader(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(64 << 20); err != nil {
		t.Fatal(err)
	}
	s := newConnServer(t, testLimits, false, func(fc *fasthttp.RequestCtx) { fc.SetBodyStream(f, 64<<20) })
	c := s.dial()
	c.send(get)
	s.await(phaseHandler)
	awaitTrue(t, "the cut", func() bool {
		s.advance(10 * time.Second)
		return s.table.open.Load() == 0
	})
	_ = c.Close()
}

func TestConnOwnDeadlines(t *testing.T) {
	s := newConnServer(t, testLimits, false, func(fc *fasthttp.RequestCtx) {
		if string(fc.Path()) == "/plain" {
			return
		}
		if err := fc.SetReadDeadline(past); err != nil {
			t.Error(err)
		}
		if err := readBody(fc); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading past the handler's own deadline: %v", err)
		}
		fc.SetStatusCode(503)
	})
	c := s.dial()
	c.send("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n")
	c.want(200)
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("x", 8192))
	c.want(503)
	c.wantEnd()
}

func TestConnTakeOver(t *testing.T) {
	const answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	for _, tc := range []struct {
		name, requests string
		answered       bool
	}{
		{"alone", "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", true},
		{"with a body under way", "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx", true},
		{"behind an unsent answer", get + "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			plainAndTLS(t, func(t *testing.T, withTLS bool) {
				running, release := make(chan *connState), make(chan struct{})
				s := newConnServer(t, testLimits, withTLS, func(fc *fasthttp.RequestCtx) {
					if string(fc.Path()) == "/slow" {
						running <- connOf(fc.Conn())
						<-release
						fc.SetBodyString("late")
					}
				})
				c := s.dial()
				c.send(tc.requests)
				cs := <-running
				taken := make(chan struct{})
				go func() {
					defer close(taken)
					cs.takeOver(answer)
				}()
				if tc.answered {
					c.want(503)
				}
				c.wantEnd()
				_ = c.Close()
				<-taken
				close(release)
			})
		})
	}
}
