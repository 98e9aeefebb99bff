package middleware_test

import (
	"bytes"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
)

func TestRequestID(t *testing.T) {
	made := regexp.MustCompile(`^[0-9a-f]{32}$`)
	long := strings.Repeat("a", 129)
	own := func() string { return "own" }
	tests := []struct {
		name string
		cfg  middleware.RequestIDConfig
		sent string
		want string // "" is one that was made
	}{
		{"none sent", middleware.RequestIDConfig{Trust: true}, "", ""},
		{"not trusted", middleware.RequestIDConfig{}, "abc", ""},
		{"trusted", middleware.RequestIDConfig{Trust: true}, "0b9e-Z!#$%&'*+.^_`|~", "0b9e-Z!#$%&'*+.^_`|~"},
		{"longest", middleware.RequestIDConfig{Trust: true}, long[:128], long[:128]},
		{"too long", middleware.RequestIDConfig{Trust: true}, long, ""},
		{"space", middleware.RequestIDConfig{Trust: true}, "a b", ""},
		{"quote", middleware.RequestIDConfig{Trust: true}, `a"b`, ""},
		{"not ASCII", middleware.RequestIDConfig{Trust: true}, "ä", ""},
		{"another header", middleware.RequestIDConfig{Header: "X-Trace", Trust: true}, "abc", "abc"},
		{"own generator", middleware.RequestIDConfig{New: own, Trust: true}, "", "own"},
		{"own generator, trusted", middleware.RequestIDConfig{New: own, Trust: true}, "abc", "abc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := newApp(t, middleware.RequestID(tt.cfg))
			app.Get("/", func(c *quart.Ctx) error { return c.Text(200, middleware.RequestIDKey.Must(c)) })
			header := tt.cfg.Header
			if header == "" {
				header = "X-Request-ID"
			}
			req := quarttest.New(t, app).Get("/")
			if tt.sent != "" {
				req.Header(header, tt.sent)
			}
			resp := req.Want(200)
			got := resp.Text()
			if got != tt.want && (tt.want != "" || !made.MatchString(got)) {
				t.Errorf("ID %q, want %q", got, tt.want)
			}
			wantHeader(t, resp, header, got)
		})
	}
}

func TestRequestIDIsUnique(t *testing.T) {
	app := newApp(t, middleware.RequestID(middleware.RequestIDConfig{}))
	s := newServed(app, "GET", "/")
	seen := map[string]bool{}
	for range 10_000 {
		s.once()
		id := string(s.fc.Response.Header.Peek("X-Request-ID"))
		if id == "" || seen[id] {
			t.Fatalf("ID %q after %d others", id, len(seen))
		}
		seen[id] = true
	}
}

// TestRequestIDOfErrors: 404, errors and panics have it, and the core's own log lines, too.
func TestRequestIDOfErrors(t *testing.T) {
	var log bytes.Buffer
	app := quart.New(quart.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	app.Use(middleware.RequestID(middleware.RequestIDConfig{Trust: true}))
	app.Get("/boom", boom)
	cl := quarttest.New(t, app)
	wantHeader(t, cl.Get("/nowhere").Header("X-Request-ID", "one").Want(404), "X-Request-ID", "one")
	wantHeader(t, cl.Get("/boom").Header("X-Request-ID", "two").Want(500), "X-Request-ID", "two")
	if err := cl.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); !strings.Contains(got, "msg=panic") || !strings.Contains(got, "request_id=two") {
		t.Errorf("log: %s", got)
	}
}

func TestRequestIDNested(t *testing.T) {
	app := newApp(t, middleware.RequestID(middleware.RequestIDConfig{}))
	app.Group("/g", middleware.RequestID(middleware.RequestIDConfig{New: func() string { return "inner" }})).Get("/", hello)
	if got := quarttest.New(t, app).Get("/g/").Want(200).HeaderAll("X-Request-ID"); len(got) != 1 || got[0] == "inner" {
		t.Errorf("IDs %q", got)
	}
}

// TestRequestIDLogger: c.Log is a whole logger, with attributes and groups.
func TestRequestIDLogger(t *testing.T) {
	var log bytes.Buffer
	h := slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return a
	}})
	app := quart.New(quart.Config{Log: slog.New(h)})
	app.Use(middleware.RequestID(middleware.RequestIDConfig{New: func() string { return "7" }}))
	app.Get("/", func(c *quart.Ctx) error {
		c.Log().Info("plain", "a", 1)
		c.Log().With("b", 2).Info("with")
		c.Log().With("b", 2).WithGroup("g").Info("group", "c", 3)
		c.Log().Debug("off")
		return c.NoContent()
	})
	quarttest.New(t, app).Get("/").Want(204)
	const want = "msg=plain a=1 request_id=7\nmsg=with b=2 request_id=7\nmsg=group b=2 request_id=7 g.c=3\n"
	if got := log.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestRequestIDKeepsRecords: a record may be given to several handlers, so none may change it.
func TestRequestIDKeepsRecords(t *testing.T) {
	var log bytes.Buffer
	app := quart.New(quart.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	app.Use(middleware.RequestID(middleware.RequestIDConfig{}))
	app.Get("/", func(c *quart.Ctx) error {
		r := slog.NewRecord(time.Now(), slog.LevelInfo, "many", 0)
		for range 7 { // more than a record holds in itself
			r.AddAttrs(slog.Int("n", 1))
		}
		for range 2 {
			if err := c.Log().Handler().Handle(c.Context(), r); err != nil {
				return err
			}
		}
		return c.NoContent()
	})
	quarttest.New(t, app).Get("/").Want(204)
	if got := log.String(); strings.Contains(got, "BUG") || strings.Count(got, "request_id=") != 2 {
		t.Errorf("log %s", got)
	}
}

func TestRequestIDConfig(t *testing.T) {
	wantPanic(t, `header "a b"`, func() { middleware.RequestID(middleware.RequestIDConfig{Header: "a b"}) })
}

func TestRequestIDAllocs(t *testing.T) {
	if n := allocs(t, 200, middleware.RequestID(middleware.RequestIDConfig{}), "GET"); n > 1 {
		t.Errorf("%v allocations, want 1: the logger", n)
	}
}

func BenchmarkRequestID(b *testing.B) {
	bench(b, middleware.RequestID(middleware.RequestIDConfig{}))
}
