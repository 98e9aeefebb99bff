package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
)

// waits for d or the end of the context, whose error it returns.
func waits(d time.Duration) quart.Handler {
	return func(c *quart.Ctx) error {
		select {
		case <-c.Context().Done():
			return fmt.Errorf("query: %w", c.Context().Err())
		case <-time.After(d):
			return c.Text(200, "done")
		}
	}
}

// sleeps for d, whatever the context says, and then returns err or a body.
func sleeps(d time.Duration, err error) quart.Handler {
	return func(c *quart.Ctx) error {
		time.Sleep(d)
		if err != nil {
			return err
		}
		return c.Text(200, "done")
	}
}

func TestTimeout(t *testing.T) {
	second := middleware.TimeoutConfig{After: time.Second}
	tests := []struct {
		name   string
		cfg    middleware.TimeoutConfig
		h      quart.Handler
		status int
		after  time.Duration
	}{
		{"in time", second, waits(999 * time.Millisecond), 200, 999 * time.Millisecond},
		{"cancelled", second, waits(time.Hour), 503, time.Second},
		{"late", second, sleeps(3*time.Second, nil), 503, 3 * time.Second},
		{"late error", second, sleeps(3*time.Second, quart.ErrNotFound), 503, 3 * time.Second},
		{"error in time", second, sleeps(0, quart.ErrNotFound), 404, 0},
		{"deadline of its own", second, sleeps(0, context.DeadlineExceeded), 503, 0},
		{"cancelled by itself", second, sleeps(0, context.Canceled), 500, 0},
		{"default", middleware.TimeoutConfig{}, waits(time.Hour), 503, 30 * time.Second},
		{"off", middleware.TimeoutConfig{After: -1}, sleeps(20*time.Second, nil), 200, 20 * time.Second},
		{"panic", second, boom, 500, 0},
		{"hard, in time", middleware.TimeoutConfig{After: time.Second, Hard: true}, waits(999 * time.Millisecond), 200, 999 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := newApp(t, middleware.Timeout(tt.cfg))
				app.Get("/", tt.h)
				cl := quarttest.New(t, app)
				cl.Timeout = time.Hour
				start := time.Now()
				resp := cl.Get("/").Want(tt.status)
				if took := time.Since(start); took != tt.after {
					t.Errorf("answered after %v, want %v", took, tt.after)
				}
				if late := strings.Contains(resp.Text(), "the request took too long"); late != (tt.status == 503) || strings.Contains(resp.Text(), "query") {
					t.Errorf("body %s", resp.Text())
				}
			})
		})
	}
}

func TestTimeoutHard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newApp(t, middleware.Timeout(middleware.TimeoutConfig{After: time.Second, Hard: true}))
		left := make(chan error, 1)
		app.Get("/", func(c *quart.Ctx) error {
			time.Sleep(5 * time.Second)
			left <- c.Context().Err()
			return c.Text(200, "nobody reads this")
		})
		cl := quarttest.New(t, app)
		start := time.Now()
		resp := cl.Get("/").Want(503)
		if took := time.Since(start); took != time.Second {
			t.Errorf("answered after %v", took)
		}
		wantHeader(t, resp, "Connection", "close")
		if err := <-left; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("context: %v", err)
		}
		if got := cl.Get("/").Want(503).Text(); !strings.Contains(got, "too long") {
			t.Errorf("second request: %s", got)
		}
		<-left
	})
}

// TestTimeoutAround: layers outside have their own context, and see the 503 as an error with its cause.
func TestTimeoutAround(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outer := func(next quart.Handler) quart.Handler {
			return func(c *quart.Ctx) error {
				before := c.Context()
				err := next(c)
				if c.Context() != before || before.Err() != nil {
					t.Errorf("context %v, ended: %v", c.Context(), before.Err())
				}
				if quart.StatusOf(err) != 503 || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "query") {
					t.Errorf("error %v", err)
				}
				return err
			}
		}
		app := newApp(t, outer, middleware.Timeout(middleware.TimeoutConfig{After: time.Second}))
		app.Get("/", waits(time.Hour))
		quarttest.New(t, app).Get("/").Want(503)
	})
}

// TestTimeoutNested: the nearer deadline counts, be it the inner or the outer one.
func TestTimeoutNested(t *testing.T) {
	for _, ends := range [][2]time.Duration{{time.Second, time.Minute}, {time.Minute, time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			app := newApp(t, middleware.Timeout(middleware.TimeoutConfig{After: ends[0]}), middleware.Timeout(middleware.TimeoutConfig{After: ends[1]}))
			app.Get("/", waits(time.Hour))
			start := time.Now()
			quarttest.New(t, app).Get("/").Want(503)
			if took := time.Since(start); took != time.Second {
				t.Errorf("answered after %v", took)
			}
		})
	}
}

func TestTimeoutAllocs(t *testing.T) {
	const most = 10 // as the comment of Timeout says
	if n := allocs(t, 200, middleware.Timeout(middleware.TimeoutConfig{}), "GET"); n > most {
		t.Errorf("%v allocations, want at most %d", n, most)
	}
	if n := allocs(t, 200, middleware.Timeout(middleware.TimeoutConfig{After: -1}), "GET"); n != 0 {
		t.Errorf("%v allocations while off, want 0", n)
	}
}

func BenchmarkTimeout(b *testing.B) {
	bench(b, middleware.Timeout(middleware.TimeoutConfig{}))
}

// TestTimeoutStreams: the context of a handler that leaves a stream goes on after the deadline, and its values reach the streams' own.
func TestTimeoutStreams(t *testing.T) {
	type user struct{}
	for name, hard := range map[string]bool{"cooperative": false, "hard": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := newApp(t, middleware.Timeout(middleware.TimeoutConfig{After: time.Second, Hard: hard}),
					quart.Before(func(c *quart.Ctx) error {
						c.SetContext(context.WithValue(c.Context(), user{}, "ada"))
						return nil
					}))
				quart.Get(app, "/ticks", func(c *quart.Ctx, _ quart.None) (quart.Events[int], error) {
					ctx := c.Context()
					return quart.EventsOf(func(yield func(int, error) bool) {
						for i := range 5 {
							if at, ok := ctx.Deadline(); ok {
								yield(0, fmt.Errorf("there is still a deadline: %v", at)) // for a dial, say, which would fail at once
								return
							}
							select {
							case <-ctx.Done():
								yield(0, context.Cause(ctx))
								return
							case <-time.After(time.Second):
							}
							if !yield(i, nil) {
								return
							}
						}
					}), nil
				})
				who := func(ctx context.Context) string { name, _ := ctx.Value(user{}).(string); return name }
				app.Get("/body", func(c *quart.Ctx) error {
					return c.Stream("text/plain", func(w *quart.StreamWriter) error {
						_, err := w.WriteString(who(w.Context()))
						return err
					})
				})
				app.SSE("/events", func(s *quart.EventStream) error {
					return s.Send(quart.Event{Data: who(s.Context())})
				})
				app.WebSocket("/ws", func(ws *quart.Socket) error { return ws.WriteText(who(ws.Context())) })

				cl := quarttest.New(t, app)
				ticks := cl.SSE("/ticks")
				for i := range 5 {
					if got := ticks.Next(time.Minute).Data; got != strconv.Itoa(i) {
						t.Errorf("event %d: %q", i, got)
					}
				}
				if got := cl.Get("/body").Want(200).Text(); got != "ada" {
					t.Errorf("StreamWriter: %q", got)
				}
				if got := cl.SSE("/events").Next(time.Minute).Data; got != "ada" {
					t.Errorf("EventStream: %q", got)
				}
				if got := quarttest.ReadText(t, cl.WebSocket("/ws")); got != "ada" {
					t.Errorf("Socket: %q", got)
				}
			})
		})
	}
}
