package quarttest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

const (
	exchangeTimeout = 30 * time.Second // default of Client.Timeout
	startTimeout    = 30 * time.Second // for the start hooks
	stopTimeout     = 60 * time.Second // for everything that Serve does after its context is done
)

// init starts the clock of fasthttp's Date header, which never ends: started by the first response of a test in a synctest bubble, it
// would be taken for that test's leak.
func init() { _ = new(fasthttp.ResponseHeader).AppendBytes(nil) }

// Client talks to one app, served in memory. It is safe for concurrent use.
type Client struct {
	// Timeout bounds one exchange of Request and Raw, 30 s unless set. It is there so that a handler that hangs fails its test with a
	// message; set it before the first request.
	Timeout time.Duration

	t        testing.TB
	protocol Protocol
	ln       *listener
	stop     func() error
	stopped  atomic.Bool // by Stop, whose caller has its error
	jar      jar
	readers  sync.WaitGroup // of event streams, and of connections that are shared

	mu     sync.Mutex
	remote netip.Addr
	port   uint16
	idle   []*conn
	open   map[io.Closer]struct{} // idle ones and those lent out
	shared *dialing               // of HTTP/2, where all requests go over one connection
}

// New serves app and returns a client for it. The start hooks have run when it returns; a failed one ends the test. When the test and its
// subtests are over, the app is stopped as a signal would stop it, hooks and background tasks included, and the test fails if that
// returns an error. Registration mistakes panic here, as they do in Serve. An app can be served once.
//
// The client speaks HTTP/1.1, or the protocol that is given; see [Protocols]. Where none is given, the variable QUARTTEST_PROTOCOL of the
// environment may name another default, h2c or h2, so that all tests of a package can be seen over HTTP/2.
func New(t testing.TB, app *quart.App, protocol ...Protocol) *Client {
	t.Helper()
	p := chosen(t, protocol)
	app.Handler() // a registration mistake panics in the test's goroutine
	return newClient(t, p, func(ctx context.Context, l net.Listener) error { return app.Serve(ctx, l) })
}

// newClient is New for whatever serves a listener until ctx is done.
func newClient(t testing.TB, p Protocol, serve func(ctx context.Context, l net.Listener) error) *Client {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cl := &Client{
		Timeout:  exchangeTimeout,
		t:        t,
		protocol: p,
		ln:       newListener(),
		remote:   netip.AddrFrom4([4]byte{127, 0, 0, 1}),
		port:     40_000,
		open:     map[io.Closer]struct{}{},
	}
	served := make(chan error, 1)
	go func() { served <- serve(ctx, cl.ln.offered(p)) }()
	cl.awaitStart(served, cancel)
	cl.stop = sync.OnceValue(func() error {
		cancel()
		defer settle()
		return await(served, stopTimeout, "the app does not stop")
	})
	t.Cleanup(func() {
		cl.closeConns()
		cl.readers.Wait()
		if err := cl.stop(); err != nil && !cl.stopped.Load() {
			t.Errorf("quarttest: stopping the app: %v", err)
		}
	})
	return cl
}

func (cl *Client) awaitStart(served <-chan error, cancel func()) {
	cl.t.Helper()
	timer := time.NewTimer(startTimeout)
	defer timer.Stop()
	var err error
	select {
	case <-cl.ln.accepting:
		return
	case err = <-served:
	case <-timer.C:
		err = errors.New("the start hooks do not return")
	}
	cancel()
	settle()
	cl.t.Fatalf("quarttest: starting the app: %v", err)
}

func await(served <-chan error, d time.Duration, otherwise string) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case err := <-served:
		return err
	case <-timer.C:
		return errors.New(otherwise)
	}
}

// settle lets the last goroutine of fasthttp's server end, which looks up every 10 s, where that time is fake and
// the goroutine would be found blocked: in a bubble of testing/synctest, whose clock begins at the year 2000.
func settle() {
	if time.Now().Year() < 2020 {
		time.Sleep(11 * time.Second)
	}
}

// Protocol returns what the client speaks.
func (cl *Client) Protocol() Protocol { return cl.protocol }

// Stop stops the app now, gracefully, and returns what App.Serve returned. Later calls return the same. The end of the
// test then reports nothing.
func (cl *Client) Stop() error {
	cl.stopped.Store(true)
	return cl.stop()
}

// SetRemoteIP makes connections come from ip, 127.0.0.1 before: for Config.TrustedProxies and limits per address. Open
// connections that no request uses are closed.
func (cl *Client) SetRemoteIP(ip netip.Addr) {
	cl.mu.Lock()
	cl.remote = ip
	idle, shared := cl.idle, cl.shared
	cl.idle, cl.shared = nil, nil
	cl.mu.Unlock()
	for _, c := range idle {
		cl.drop(c)
	}
	if shared != nil {
		shared.retire()
	}
}

// Get starts a GET request. The target is a path with its query, percent-encoded where needed, sent as it is.
func (cl *Client) Get(target string) *Request { return cl.Do("GET", target) }

// Head starts a HEAD request.
func (cl *Client) Head(target string) *Request { return cl.Do("HEAD", target) }

// Post starts a POST request.
func (cl *Client) Post(target string) *Request { return cl.Do("POST", target) }

// Put starts a PUT request.
func (cl *Client) Put(target string) *Request { return cl.Do("PUT", target) }

// Patch starts a PATCH request.
func (cl *Client) Patch(target string) *Request { return cl.Do("PATCH", target) }

// Delete starts a DELETE request.
func (cl *Client) Delete(target string) *Request { return cl.Do("DELETE", target) }

// Do starts a request of any method. Nothing is sent before Send, Want or Try.
func (cl *Client) Do(method, target string) *Request {
	return &Request{cl: cl, method: method, target: target}
}

// Dial opens a connection to the app, for input by hand. It is closed with the test at the latest. It is no socket: a read deadline works, a
// half-close does not exist. A client of [HTTP2] returns the plaintext's side of TLS, whose ALPN has chosen http/1.1.
func (cl *Client) Dial() net.Conn {
	cl.t.Helper()
	c, err := cl.dial()
	if err != nil {
		cl.t.Fatalf("quarttest: dial: %v", err)
	}
	return c.Conn
}

// Raw writes request, of HTTP/1.1 whatever the client speaks, to a fresh connection and returns everything that comes back until the app closes it. Let the request say
// Connection: close if the app would keep the connection open: the test fails after Timeout.
func (cl *Client) Raw(request string) string {
	cl.t.Helper()
	c, err := cl.dial()
	if err != nil {
		cl.t.Fatalf("quarttest: dial: %v", err)
	}
	defer cl.drop(c)
	_ = c.SetDeadline(time.Now().Add(cl.Timeout))
	if _, err := io.WriteString(c.Conn, request); err != nil {
		cl.t.Fatalf("quarttest: raw request %.80q: %v", request, err)
	}
	answer, err := io.ReadAll(c.Conn)
	if err != nil {
		cl.t.Fatalf("quarttest: raw request %.80q: no end of the answer: %v; so far %q", request, err, answer)
	}
	return string(answer)
}

// Log returns a logger that writes to t, for Config.Log: what an app logs then appears with a failed test only.
func Log(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}
