package http2_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// pushed returns the targets that were promised on a stream, as "METHOD path".
func (c *client) pushed(parent uint32) (targets []string) {
	for id := uint32(2); c.answers[id] != nil; id += 2 {
		if a := c.answers[id]; a.parent == parent && a.promised != nil {
			targets = append(targets, fieldOf(a.promised, ":method")+" "+fieldOf(a.promised, ":path"))
		}
	}
	slices.Sort(targets)
	return targets
}

// TestPush: a promise is a request of its own, which the handler answers; it comes before the response that names it (RFC 9113, section 8.4).
func TestPush(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		st := http2.StreamOf(ctx)
		if string(ctx.Path()) != "/page" {
			fmt.Fprintf(ctx, "%s %s %s ua=%s lang=%s secret=%s push=%v", ctx.Method(), ctx.RequestURI(), ctx.Host(), ctx.UserAgent(),
				ctx.Request.Header.Peek("accept-language"), ctx.Request.Header.Peek("authorization"), st.CanPush())
			return
		}
		for _, target := range []string{"/a.css?v=1", "/b.js", "/b.js"} {
			if err := st.Push(target); err != nil {
				t.Errorf("%s: %v", target, err)
			}
		}
		ctx.SetBodyString("page")
	})
	c := s.dial()
	for range 3 {
		id := c.get("/page", "user-agent", "test", "accept-language", "en", "authorization", "Bearer x")
		first := c.lastPush + 2
		c.want(id, "200", "page")
		if got := fmt.Sprint(c.pushed(id)); got != "[GET /a.css?v=1 GET /b.js]" {
			t.Fatalf("pushed %s", got)
		}
		a := c.want(first, "200", "GET /a.css?v=1 example.com ua=test lang=en secret= push=false")
		if got := fieldOf(a.promised, ":scheme") + "://" + fieldOf(a.promised, ":authority"); got != "http://example.com" {
			t.Errorf("promised on %s", got)
		}
		c.want(first+2, "200", "GET /b.js example.com ua=test lang=en secret= push=false")
		if !slices.Contains(c.early[id], first) || !slices.Contains(c.early[id], first+2) {
			t.Error("promised after the response had begun")
		}
	}
}

// TestPushLinks: a response's Link fields with rel=preload push, where that is of use.
func TestPushLinks(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  http2.Config
		link []string
		want []string
	}{
		{"one", http2.Config{}, []string{"</a.css>; rel=preload; as=style"}, []string{"GET /a.css"}},
		{"two in a field", http2.Config{}, []string{`</a.css>; rel="preload"; as=style, </b.js>; rel=preload`}, []string{"GET /a.css", "GET /b.js"}},
		{"two fields", http2.Config{}, []string{"</a.css>; rel=preload", "</b.js>;rel=preload;as=script"}, []string{"GET /a.css", "GET /b.js"}},
		{"twice the same", http2.Config{}, []string{"</a.css>; rel=preload", "</a.css>; rel=preload"}, []string{"GET /a.css"}},
		{"nopush", http2.Config{}, []string{"</a.css>; rel=preload; nopush, </b.css>; nopush; rel=preload"}, nil},
		{"another relation", http2.Config{}, []string{"</a.css>; rel=next", "</b>; rel=preconnect", "</c>; rel=preloaded"}, nil},
		{"relations", http2.Config{}, []string{`</a.css>; rel="next preload"`}, []string{"GET /a.css"}},
		{"the word in a quoted string", http2.Config{}, []string{`</a>; title="x; rel=preload"`}, nil},
		{"a comma in a quoted string", http2.Config{}, []string{`</a>; title="x, </c>; rel=preload"; rel=preload`}, []string{"GET /a"}},
		{"its own origin", http2.Config{}, []string{"<http://example.com/a.css>; rel=preload"}, []string{"GET /a.css"}},
		{"another origin", http2.Config{}, []string{"<http://other.example/a.css>; rel=preload", "<//cdn.example/b>; rel=preload"}, nil},
		{"a host that begins alike", http2.Config{}, []string{"<http://example.com.evil/a>; rel=preload"}, nil},
		{"another port", http2.Config{}, []string{"<http://example.com:81/a>; rel=preload"}, nil},
		{"another scheme", http2.Config{}, []string{"<https://example.com/a.css>; rel=preload"}, nil},
		{"not a path", http2.Config{}, []string{"<a.css>; rel=preload", "<>; rel=preload", "<#x>; rel=preload", "</a b>; rel=preload"}, nil},
		{"a fragment", http2.Config{}, []string{"</a.svg#x>; rel=preload"}, []string{"GET /a.svg"}},
		{"broken", http2.Config{}, []string{"</a.css; rel=preload", "nonsense", "<", ">"}, nil},
		{"off", http2.Config{NoPush: true}, []string{"</a.css>; rel=preload"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.cfg, func(ctx *fasthttp.RequestCtx) {
				for _, link := range tt.link { // of pushed responses, too: they push nothing
					ctx.Response.Header.Add("Link", link)
				}
				ctx.SetBodyString("page")
			})
			c := s.dial()
			id := c.get("/page")
			a := c.want(id, "200", "page")
			if got := c.pushed(id); !slices.Equal(got, tt.want) {
				t.Fatalf("pushed %q, want %q", got, tt.want)
			}
			if got := len(strings.Split(a.field("link"), ",")); got < len(tt.link) {
				t.Errorf("Link: %s", a.field("link"))
			}
			for p := uint32(2); int(p) <= 2*len(tt.want); p += 2 {
				c.want(p, "200", "page")
			}
			c.sync()
			if c.answers[uint32(2*len(tt.want)+2)] != nil {
				t.Error("a pushed response pushed")
			}
		})
	}
}

// TestNoPush: not to a client that does not want it, has said so since, or has said that it leaves; and not for a request of another method.
func TestNoPush(t *testing.T) {
	errs := make(chan error, 10)
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		st := http2.StreamOf(ctx)
		if string(ctx.Path()) == "/page" {
			errs <- st.Push("/a.css")
		}
		if string(ctx.Path()) != "/a.css" {
			ctx.Response.Header.Set("Link", "</b.css>; rel=preload")
		}
	})
	for _, tt := range []struct {
		name   string
		pairs  []uint32
		before []byte
		may    bool
	}{
		{"by default", nil, nil, true},
		{"ENABLE_PUSH 1", []uint32{setEnablePush, 1}, nil, true},
		{"ENABLE_PUSH 0", []uint32{setEnablePush, 0}, nil, false},
		{"ENABLE_PUSH 0 later", nil, settings(setEnablePush, 0), false},
		{"ENABLE_PUSH 1 later", []uint32{setEnablePush, 0}, settings(setEnablePush, 1), true},
		{"no streams", []uint32{setMaxStreams, 0}, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.dialFor(t, tt.pairs...)
			c.send(tt.before)
			c.sync()
			id := c.get("/page")
			c.want(id, "200", "")
			err := <-errs
			if tt.may != (err == nil) || !tt.may && !errors.Is(err, http2.ErrNoPush) {
				t.Errorf("Push: %v", err)
			}
			if got := len(c.pushed(id)); (got > 0) != tt.may {
				t.Errorf("%d promises", got)
			}
		})
	}
	c := s.dial()
	id := c.post("/", []byte("x"))
	c.want(id, "200", "")
	if got := c.pushed(id); got != nil {
		t.Errorf("a POST pushed %v", got)
	}
}

// TestPushTargets: a target is a path of the request's origin.
func TestPushTargets(t *testing.T) {
	errs := make(chan error, 1)
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		if target := ctx.QueryArgs().Peek("t"); len(target) > 0 {
			errs <- http2.StreamOf(ctx).Push(string(target))
		}
	})
	c := s.dial()
	for target, ok := range map[string]bool{
		"/x": true, "x": false, "//evil.example/x": false, "http://evil.example/": false, "*": false, "/a%20b": false, "/a%0d%0ab": false, "/%00": false,
	} {
		c.want(c.get("/?t="+target), "200", "")
		if err := <-errs; ok != (err == nil) {
			t.Errorf("%q: %v", target, err)
		}
	}
}

// TestPushLimits: the client's MAX_CONCURRENT_STREAMS, and how many one request may push.
func TestPushLimits(t *testing.T) {
	release := make(chan struct{})
	counts := make(chan int, 1)
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		if !strings.HasPrefix(string(ctx.Path()), "/page") {
			<-release
			return
		}
		n := 0
		for i := range 100 {
			if http2.StreamOf(ctx).Push("/"+strconv.Itoa(i)) == nil {
				n++
			}
		}
		counts <- n
	})
	c := s.dial(setMaxStreams, 3)
	c.want(c.get("/page"), "200", "")
	if n := <-counts; n != 3 {
		t.Errorf("%d pushes at once to a client that takes 3", n)
	}
	c.want(c.get("/page"), "200", "")
	if n := <-counts; n != 0 {
		t.Errorf("%d pushes more", n)
	}
	c.send(rstStream(2, http2.Cancel)) // refused: makes room, though its handler still runs
	c.sync()
	c.want(c.get("/page"), "200", "")
	if n := <-counts; n != 1 {
		t.Errorf("%d pushes after one was refused", n)
	}
	close(release)
	for _, id := range []uint32{4, 6, 8} {
		c.want(id, "200", "")
	}
	c = s.dial()
	c.want(c.get("/page"), "200", "")
	if n := <-counts; n > 64 {
		t.Errorf("%d pushes for one request", n)
	}
}

// TestPushRefused: a client may refuse a promise, and one whose response is under way.
func TestPushRefused(t *testing.T) {
	ends := make(chan error, 1)
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		st := http2.StreamOf(ctx)
		if string(ctx.Path()) == "/page" {
			_ = st.Push("/big")
			return
		}
		st.OnEnd(func(err error) { ends <- err })
		ctx.SetBody(make([]byte, 1<<20))
	})
	c := s.dial()
	c.stingy = true
	c.want(c.get("/page"), "200", "")
	c.head(2)
	c.send(rstStream(2, http2.RefusedStream))
	var se *http2.StreamError
	if err := <-ends; !errors.As(err, &se) || se.Code != http2.RefusedStream || !se.Remote || se.ID != 2 {
		t.Errorf("the pushed stream ended with %v", err)
	}
	c.stingy = false
	c.send(windowUpdate(0, defaultWindow))
	c.want(c.get("/page"), "200", "")
	if a := c.want(4, "200", "*"); a.size != 1<<20 {
		t.Errorf("%d bytes", a.size)
	}
	<-ends
	c.send(frame(typeData, 0, 4, 'x')) // the client's side of a pushed stream is closed from the start
	c.wantEnd(http2.ProtocolError, http2.StreamClosed)
}

// TestPushResetMeanwhile: the client may reset a push while the same request makes more. The race detector sees whether that is guarded: between the second push and the
// reset nothing else is exchanged, and a bubble would order the two.
func TestPushResetMeanwhile(t *testing.T) {
	reset := make(chan struct{})
	s := serveMem(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/" {
			_ = http2.StreamOf(ctx).Push("/first")
			time.Sleep(50 * time.Millisecond)
			_ = http2.StreamOf(ctx).Push("/second")
			<-reset
		}
	})
	c := s.dialMem(1 << 16)
	id := c.get("/")
	c.until("PUSH_PROMISE", func() bool { return c.answer(2).promised != nil })
	time.Sleep(200 * time.Millisecond)
	c.send(rstStream(2, http2.Cancel))
	c.sync()
	close(reset)
	c.want(id, "200", "")
}
