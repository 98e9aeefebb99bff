package h3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goquart/quart"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/valyala/fasthttp"
)

// Server serves an app over HTTP/3, besides the app's own listeners.
type Server struct {
	app      *quart.App
	cfg      Config
	handler  func() fasthttp.RequestHandler // once: it freezes the app
	serving  atomic.Bool
	addr     atomic.Pointer[net.UDPAddr]
	announce atomic.Pointer[string] // the value of Alt-Svc; nil before and after serving
	conns    atomic.Int64
	requests requests
}

// New returns a server for app. It adds a layer to the app, which is the one that ends c.Context() when a client leaves, so the app must not
// serve yet. The app's start hooks, background tasks and Stats belong to its own Run, Listen and Serve.
// Errors: a Config without certificates, or one that turns off what cannot be off.
func New(app *quart.App, cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Server{app: app, cfg: cfg, handler: sync.OnceValue(app.Handler)}, nil
}

// Mount serves app over HTTP/3 for as long as it serves: it opens Config.Addr when the app starts, adds Alt-Svc to answers over TLS, and stops
// gracefully when the app does. An address that cannot be opened fails the app's start.
func Mount(app *quart.App, cfg Config) (*Server, error) {
	s, err := New(app, cfg)
	if err != nil {
		return nil, err
	}
	if s.cfg.AltSvcPort >= 0 {
		app.Use(altSvc(s.announce.Load))
	}
	app.WhileServing(s.start)
	return s, nil
}

// start is a hook of WhileServing. Its ctx is done when the app begins to stop, which is long before the stop that it returns is called.
func (s *Server) start(ctx context.Context) (stop func(context.Context) error, err error) {
	pc, err := listen(ctx, s.cfg.Addr)
	if err != nil {
		return nil, err
	}
	s.note(pc.LocalAddr()) // whoever runs behind the hooks may ask
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		defer func() { _ = pc.Close() }()
		err := s.Serve(ctx, pc)
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("serving HTTP/3 failed", "error", err)
		}
		done <- err
	}()
	return func(over context.Context) error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-over.Done():
			return errors.New("h3: requests were cut off at the end of the shutdown grace")
		}
	}, nil
}

func listen(ctx context.Context, addr string) (net.PacketConn, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(ctx, "udp", addr)
	if err != nil {
		return nil, fmt.Errorf("h3: %w", err)
	}
	return pc, nil
}

// Listen opens the UDP address addr, "host:port", and serves it until ctx is done: see Serve.
func (s *Server) Listen(ctx context.Context, addr string) error {
	pc, err := listen(ctx, addr)
	if err != nil {
		return err
	}
	defer func() { _ = pc.Close() }()
	return s.Serve(ctx, pc)
}

// Serve serves pc, which stays the caller's to close, until ctx is done; then it stops gracefully: for Config.ShutdownDelay it goes on, then clients get
// GOAWAY (RFC 9114, section 5.2) and requests under way may finish within Config.ShutdownGrace. It returns nil after a clean stop, an error when
// requests were cut off or the socket failed. It freezes the app, and a Server serves once.
func (s *Server) Serve(ctx context.Context, pc net.PacketConn) error {
	if !s.serving.CompareAndSwap(false, true) {
		return errors.New("h3: a server serves once")
	}
	s.handler()
	transport := &quic.Transport{Conn: pc, VerifySourceAddress: s.crowded}
	defer func() { _ = transport.Close() }()
	ln, err := transport.ListenEarly(http3.ConfigureTLSConfig(s.cfg.TLS), s.quicConfig())
	if err != nil {
		return fmt.Errorf("h3: %w", err)
	}
	defer func() { _ = ln.Close() }()
	server := &http3.Server{
		Handler:        http.HandlerFunc(s.serveHTTP),
		MaxHeaderBytes: s.cfg.MaxHeaderBytes,
		ConnContext:    s.withPeer,
	}
	s.note(pc.LocalAddr())
	defer s.announce.Store(nil)
	failed := make(chan error, 1)
	go func() { failed <- server.ServeListener(&listener{ln, s}) }()
	select {
	case err := <-failed:
		_ = server.Close()
		return fmt.Errorf("h3: accept: %w", err)
	case <-ctx.Done():
	}
	s.announce.Store(nil)
	time.Sleep(s.cfg.ShutdownDelay)
	return s.shutdown(server)
}

// note keeps the address. From here on clients may be told of it.
func (s *Server) note(addr net.Addr) {
	udp, ok := addr.(*net.UDPAddr)
	if !ok {
		return
	}
	port := s.cfg.AltSvcPort
	if port <= 0 {
		port = udp.Port
	}
	value := altSvcValue(port)
	s.announce.Store(&value)
	s.addr.Store(udp)
}

// Addr is the address that is listened on, nil before: with Mount it is known when the app's start hooks have run, to its background tasks for one.
func (s *Server) Addr() net.Addr {
	if addr := s.addr.Load(); addr != nil {
		return addr
	}
	return nil
}

// lastAnswers is how long connections stay when all requests are done: what was written last may have to be sent again. A client that heeds
// GOAWAY closes before.
const lastAnswers = 500 * time.Millisecond

// shutdown lets requests under way finish, then closes the connections.
func (s *Server) shutdown(server *http3.Server) error {
	grace, cancel := context.WithCancel(context.Background())
	if s.cfg.ShutdownGrace > 0 {
		grace, cancel = context.WithTimeout(context.Background(), s.cfg.ShutdownGrace)
	}
	defer cancel()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = server.Shutdown(grace) // GOAWAY, and Close when grace is done
	}()
	select {
	case <-s.requests.idle():
		wait(closed, lastAnswers)
		cancel()
	case <-closed:
	case <-grace.Done():
	}
	cut := s.requests.count()
	wait(closed, time.Second) // their contexts are done: handlers that heed them end
	if cut > 0 {
		return fmt.Errorf("h3: %d requests were cut off at the end of the shutdown grace", cut)
	}
	return nil
}

func wait(done <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// requests counts those under way.
type requests struct {
	mu      sync.Mutex
	n       int
	waiting chan struct{} // closed when n is 0
}

func (r *requests) join() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
}

func (r *requests) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n--; r.n == 0 && r.waiting != nil {
		close(r.waiting)
		r.waiting = nil
	}
}

func (r *requests) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n
}

// idle is closed when no request is under way.
func (r *requests) idle() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting == nil {
		r.waiting = make(chan struct{})
	}
	c := r.waiting
	if r.n == 0 {
		close(c)
		r.waiting = nil
	}
	return c
}
