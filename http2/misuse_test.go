package http2_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// panics returns what f panics with, "" if it does not.
func panics(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text, _ = v.(string)
		}
	}()
	f()
	return ""
}

// TestMisuse: mistakes in setting a Server up are told at once.
func TestMisuse(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	if got := panics(func() { _ = new(http2.Server).ServeConn(server) }); !strings.Contains(got, "without a Handler") {
		t.Errorf("no handler: %q", got)
	}
	srv := &http2.Server{Handler: func(*fasthttp.RequestCtx) {}}
	first := new(fasthttp.Server)
	srv.Configure(first)
	if got := panics(func() { srv.Configure(new(fasthttp.Server)) }); !strings.Contains(got, "second fasthttp.Server") {
		t.Errorf("a second server: %q", got)
	}
}

// TestServeEnds: Shutdown closes the listeners of Serve, of one that comes later, too.
func TestServeEnds(t *testing.T) {
	srv, h1 := new(http2.Server), &fasthttp.Server{Handler: func(*fasthttp.RequestCtx) {}}
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l, done := listen(), make(chan error, 1)
	go func() { done <- srv.Serve(l, h1) }()
	nc, err := net.Dial("tcp", l.Addr().String()) // which it accepts once it serves
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if n, err := nc.Read(make([]byte, 16)); n == 0 {
		t.Fatal(err)
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, http2.ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
	if err := srv.Serve(listen(), h1); !errors.Is(err, http2.ErrServerClosed) {
		t.Errorf("Serve after Shutdown: %v", err)
	}
}

// TestBadHints: what no field and no request can have is refused with an error.
func TestBadHints(t *testing.T) {
	errs := make(chan error, 3)
	c := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		s := http2.StreamOf(ctx)
		errs <- s.EarlyHints([]string{"</a>\r\nX: y"})
		errs <- s.EarlyHints(nil)
		errs <- s.Push("style.css")
	}).dial()
	c.want(c.get("/"), "200", "")
	if err := <-errs; err == nil {
		t.Error("a hint with CR and LF was sent")
	}
	if err := <-errs; err != nil {
		t.Errorf("no hints: %v", err)
	}
	if err := <-errs; err == nil || errors.Is(err, http2.ErrNoPush) {
		t.Errorf("Push of no path: %v", err)
	}
}
