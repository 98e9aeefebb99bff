package quart

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/goquart/quart/http2"
	"github.com/valyala/fasthttp"
)

// hooks run once each, around serving.
type hooks struct {
	before []func(context.Context) error
	while  []func(context.Context) (func(context.Context) error, error)
	after  []func(context.Context) error
}

// BeforeServing runs f before the first connection is accepted, in order of registration. An error ends the start:
// nothing is served, and Run exits with status 1.
func (a *App) BeforeServing(f func(context.Context) error) {
	a.mustBeOpen("BeforeServing")
	a.hooks.before = append(a.hooks.before, f)
}

// AfterServing runs f when the last request is done, in order of registration. Its context ends with the shutdown grace, but not before
// a second has passed.
func (a *App) AfterServing(f func(context.Context) error) {
	a.mustBeOpen("AfterServing")
	a.hooks.after = append(a.hooks.after, f)
}

// WhileServing runs f after the BeforeServing hooks, and the stop that it returns, if not nil, after the AfterServing hooks, in reverse
// order: a resource that lives as long as the app serves. What was started is stopped also when a later hook fails.
func (a *App) WhileServing(f func(context.Context) (stop func(context.Context) error, err error)) {
	a.mustBeOpen("WhileServing")
	a.hooks.while = append(a.hooks.while, f)
}

// tasks are the background tasks of an app.
type tasks struct {
	mu      sync.Mutex
	waiting []func(context.Context) error // asked for before serving
	ctx     context.Context               // nil until serving
	cancel  context.CancelFunc
	closed  bool
	running sync.WaitGroup
}

// Go runs task in a goroutine of its own, from the start of serving on. Its context is done once the app has
// stopped and its requests are done; then the task is awaited, up to the end of Config.ShutdownGrace. An error or a panic is logged.
// A task that comes after that is refused and logged. (Quart: add_background_task.)
func (a *App) Go(task func(context.Context) error) {
	t := &a.tasks
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		a.cfg.Log.Error("background task refused: the app has stopped", "at", callSite())
	case t.ctx == nil:
		t.waiting = append(t.waiting, task)
	default:
		a.startTask(task)
	}
}

// startTask runs under tasks.mu.
func (a *App) startTask(task func(context.Context) error) {
	ctx := a.tasks.ctx
	a.tasks.running.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				p := newPanicError(v)
				a.cfg.Log.Error("panic in a background task", "error", p.Error(), "stack", string(p.Stack))
			}
		}()
		if err := task(ctx); err != nil && !errors.Is(err, context.Canceled) {
			a.cfg.Log.Error("background task failed", "error", err.Error())
		}
	})
}

func (a *App) startTasks() {
	t := &a.tasks
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ctx, t.cancel = context.WithCancel(context.Background())
	for _, task := range t.waiting {
		a.startTask(task)
	}
	t.waiting = nil
}

// stopTasks cancels the tasks and waits until they are done or ctx is.
func (a *App) stopTasks(ctx context.Context) error {
	t := &a.tasks
	t.mu.Lock()
	t.closed = true
	if t.cancel != nil {
		t.cancel()
	}
	t.mu.Unlock()
	done := make(chan struct{})
	go func() {
		t.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-done:
		return nil
	case <-time.After(10 * time.Millisecond): // the grace was over before; the waiter needs a moment to say that nothing runs
		return errors.New("quart: a background task did not end within the shutdown grace")
	}
}

// Run serves addr (see Listen) until SIGINT or SIGTERM, stops gracefully and returns. It prints the address once the start hooks have run. A second signal
// ends the process at once. A failure is logged and exits with status 1.
func (a *App) Run(addr string) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			signal.Stop(signals) // before anything shows that the stop began: from now on a signal has its default effect
			cancel()
		case <-ctx.Done():
		}
	}()
	l, err := a.listen(addr)
	if err == nil {
		a.ready = func() { fmt.Fprintln(os.Stderr, "listening on", address(l)) }
		err = a.Serve(ctx, l)
	}
	stopped := ctx.Err() != nil
	signal.Stop(signals)
	cancel()
	if err != nil && !(stopped && errors.Is(err, context.Canceled)) { // a signal that ended the start is no failure
		a.cfg.Log.Error(err.Error())
		os.Exit(1)
	}
}

func address(l net.Listener) string {
	scheme := "http://"
	if _, ok := l.(*secureListener); ok {
		scheme = "https://"
	}
	if l.Addr().Network() == "unix" {
		return "unix:" + l.Addr().String()
	}
	return scheme + l.Addr().String()
}

// Listen serves addr, and more of them, until ctx is done; then it stops gracefully. It returns nil after a clean stop.
//
// An address is "host:port" or ":port", "unix:/path" (a stale socket is replaced), "fd:3" (a listening socket inherited from systemd), each
// over TLS if Config.TLS is set; "http://host:port" and "https://host:port" say which.
func (a *App) Listen(ctx context.Context, addr string, more ...string) error {
	var listeners []net.Listener
	for _, addr := range append([]string{addr}, more...) {
		l, err := a.listen(addr)
		if err != nil {
			for _, l := range listeners {
				_ = l.Close()
			}
			return err
		}
		listeners = append(listeners, l)
	}
	return a.Serve(ctx, listeners[0], listeners[1:]...)
}

// Serve is Listen on listeners. A listener is served over TLS when it was made by tls.NewListener, or, if none was,
// when Config.TLS is set. Serve closes the listeners. An App serves once.
//
// When ctx is done: for Config.ShutdownDelay, connections are still accepted and answers carry Connection: close, so that balancers
// notice; then requests under way may finish within Config.ShutdownGrace, whose end cancels their contexts and cuts what
// is left; then background tasks are awaited and the AfterServing hooks run. The error joins what went wrong on the way.
func (a *App) Serve(ctx context.Context, l net.Listener, more ...net.Listener) error {
	listeners := append([]net.Listener{l}, more...)
	defer func() {
		for _, l := range listeners {
			_ = l.Close()
		}
	}()
	a.freeze()
	if !a.serving.CompareAndSwap(false, true) {
		return errors.New("quart: an app serves once")
	}
	stops, err := a.start(ctx)
	if err != nil {
		return errors.Join(err, a.stopHooks(context.WithoutCancel(ctx), stops))
	}
	if a.ready != nil {
		a.ready()
	}
	failed := a.server.serve(ctx, listeners)
	return errors.Join(failed, a.stop(stops, listeners))
}

// start runs the start hooks and the waiting tasks. The stops are those of the hooks that ran.
func (a *App) start(ctx context.Context) (stops []func(context.Context) error, err error) {
	for _, f := range a.hooks.before {
		if err := f(ctx); err != nil {
			return nil, fmt.Errorf("quart: before serving: %w", err)
		}
	}
	for _, f := range a.hooks.while {
		stop, err := f(ctx)
		if err != nil {
			return stops, fmt.Errorf("quart: while serving: %w", err)
		}
		if stop != nil {
			stops = append(stops, stop)
		}
	}
	a.server.conns.start()
	a.startTasks()
	return stops, nil
}

// stop ends what start and serve began, in the order that Serve's comment gives.
func (a *App) stop(stops []func(context.Context) error, listeners []net.Listener) error {
	a.server.conns.draining.Store(true)
	a.server.h2.GoAway()
	if slices.ContainsFunc(listeners, reachable) {
		time.Sleep(a.cfg.ShutdownDelay)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if a.cfg.ShutdownGrace > 0 {
		ctx, cancel = context.WithTimeout(ctx, a.cfg.ShutdownGrace)
	}
	defer cancel()
	var errs []error
	errs = append(errs, a.server.drain(ctx, listeners))
	a.cut()
	a.server.conns.closeAll()
	errs = append(errs, a.stopTasks(ctx))
	a.server.wait()
	a.server.conns.stop()
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < time.Second {
		ctx, cancel = context.WithTimeout(context.Background(), time.Second)
		defer cancel()
	}
	for _, f := range a.hooks.after {
		errs = append(errs, f(ctx))
	}
	errs = append(errs, a.stopHooks(ctx, stops))
	return errors.Join(errs...)
}

func (a *App) stopHooks(ctx context.Context, stops []func(context.Context) error) error {
	var errs []error
	for _, stop := range slices.Backward(stops) {
		errs = append(errs, stop(ctx))
	}
	return errors.Join(errs...)
}

// reachable reports whether clients that do not know of the stop yet may still come: not on an in-memory listener.
func reachable(l net.Listener) bool {
	switch l.Addr().Network() {
	case "tcp", "unix":
		return true
	}
	return false
}

// server is the fasthttp.Server behind an App, set up as ADR 0007 says.
type server struct {
	fast  *fasthttp.Server
	h2    *http2.Server
	conns *connTable
	cfg   *Config
	done  sync.WaitGroup
	errs  chan error
}

func newServer(a *App) *server {
	cfg := &a.cfg
	conns := newConnTable(limits{
		Header: cfg.HeaderTimeout, Body: cfg.BodyTimeout, BodyRead: cfg.BodyReadTimeout, Write: cfg.WriteTimeout, Idle: cfg.IdleTimeout,
		MaxConns: cfg.MaxConns, MaxConnsPerIP: cfg.MaxConnsPerIP,
	}, cfg.Log)
	s := &server{cfg: cfg, conns: conns, errs: make(chan error, 1), h2: newHTTP2(a), fast: &fasthttp.Server{
		Handler:      a.serveOrResume,
		ErrorHandler: a.serveReadError,
		ConnState:    conns.hook,
		Logger:       fastLogger{cfg.Log},
		// A declared body: its time begins, and only its first byte is read before the handler runs.
		ExpectHandler: a.expect,
		HeaderReceived: func(h *fasthttp.RequestHeader) (rc fasthttp.RequestConfig) {
			if n := h.ContentLength(); n > 0 || n == -1 {
				rc.MaxRequestBodySize = 1
				rc.ReadTimeout = cfg.BodyTimeout
				if rc.ReadTimeout == 0 {
					rc.ReadTimeout = forever
				}
			}
			return rc
		},
		Concurrency:                  1 << 20, // the listener counts
		ReadBufferSize:               headerBlock,
		SecureErrorLogMessage:        true, // heads and bodies hold passwords
		LazyRequestTime:              true, // perf: spares a clock reading per request (bench/net, pipelined)
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
	}}
	s.fast.NextProto("h2", s.serveHTTP2)
	return s
}

// serve accepts on all listeners until ctx is done or one of them fails.
func (s *server) serve(ctx context.Context, listeners []net.Listener) error {
	mixed := slices.ContainsFunc(listeners, isTLSListener)
	for _, l := range listeners {
		tlsConfig := s.cfg.TLS
		if mixed {
			tlsConfig = nil // those that are TLS do it themselves
		}
		if tlsConfig != nil {
			tlsConfig = s.cfg.withALPN()
		}
		wrapped := newListener(l, s.conns, tlsConfig)
		accept := s.fast.Serve
		if tlsConfig == nil && !isTLSListener(l) && (s.cfg.H2C || priorKnowledge(l)) {
			accept = s.serveEither
		}
		s.done.Go(func() {
			if err := accept(wrapped); err != nil && !errors.Is(err, net.ErrClosed) {
				select {
				case s.errs <- err:
				default:
				}
			}
		})
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.errs:
		return fmt.Errorf("quart: accept: %w", err)
	}
}

// drain closes the listeners and lets requests under way finish until ctx is done.
func (s *server) drain(ctx context.Context, listeners []net.Listener) error {
	s.closeListeners(listeners)
	s.conns.leave(s.cfg.ShutdownGrace)
	err := s.conns.waitIdle(ctx)
	s.conns.closeStreams()
	cut := s.h2.Stats().Handlers
	if e := s.h2.Shutdown(ctx); err == nil {
		err = e
	}
	if err == nil {
		return nil
	}
	if cut > 0 && ctx.Err() != nil {
		return fmt.Errorf("quart: requests were cut off at the end of the shutdown grace: %w", err)
	}
	if counts := s.conns.counts(); counts[phaseHandler] > 0 {
		return fmt.Errorf("quart: requests were cut off at the end of the shutdown grace: %w", err)
	}
	if n := s.conns.owned.Load(); n > 0 {
		s.cfg.Log.Warn("streams and sockets were cut off at the end of the shutdown grace", "open", n)
		return nil
	}
	s.cfg.Log.Warn("clients that had not sent all of their requests were cut off at the end of the shutdown grace")
	return nil
}

// closeListeners stops accepting. What the kernel has accepted already is served: closing would reset it, and a listener that reached
// its deadline has emptied that queue.
func (s *server) closeListeners(listeners []net.Listener) {
	for _, l := range listeners {
		if d, ok := l.(interface{ SetDeadline(time.Time) error }); !ok || d.SetDeadline(time.Now().Add(lastAccepts)) != nil {
			_ = l.Close()
		}
	}
	s.done.Wait()
	for _, l := range listeners {
		_ = l.Close()
	}
}

// lastAccepts is how long a listener goes on accepting after the shutdown delay.
const lastAccepts = 20 * time.Millisecond

// wait ends fasthttp's part: its workers, and the Done of requests in foreign handlers.
func (s *server) wait() {
	s.done.Wait()
	over, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.fast.ShutdownWithContext(over)
}

// serveReadError answers what fasthttp could not read as a request.
func (a *App) serveReadError(fc *fasthttp.RequestCtx, err error) {
	c := a.acquire(fc)
	defer c.end()
	c.refuse(&HTTPError{Status: statusOfReadError(err), Err: err})
}

// fastLogger sends fasthttp's messages, most of them about what a peer did wrong, to slog at Debug.
type fastLogger struct{ log *slog.Logger }

func (l fastLogger) Printf(format string, args ...any) {
	if !l.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	l.log.Debug("fasthttp: " + fmt.Sprintf(format, args...))
}
