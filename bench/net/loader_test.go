//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const goodAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\nHello, World!"

// fakeServer answers each request by what answer returns; "" closes the
// connection. The requests are numbered from 1, over all connections.
func fakeServer(t *testing.T, answer func(n int) string) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var count atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for s := bufio.NewScanner(c); s.Scan(); {
					if s.Text() != "" {
						continue // within the head
					}
					text := answer(int(count.Add(1)))
					if text == "" {
						return
					}
					if _, err := c.Write([]byte(text)); err != nil {
						return
					}
				}
			}()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

func testLoader(t *testing.T, addr netip.AddrPort, conns, depth int) *loader {
	t.Helper()
	l, err := newLoader(addr, staticPath, conns, depth)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return l
}

// TestCounts compares the loader's count with the server's.
func TestCounts(t *testing.T) {
	for _, depth := range []int{1, pipelined} {
		var served atomic.Int64
		addr := fakeServer(t, func(int) string { served.Add(1); return goodAnswer })
		v, err := testLoader(t, addr, 3, depth).closedLoop(t.Context(), 20*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if int64(v.requests) != served.Load() || v.requests < 3*depth {
			t.Errorf("depth %d: %d counted, %d served", depth, v.requests, served.Load())
		}
	}
	var served atomic.Int64
	addr := fakeServer(t, func(int) string { served.Add(1); return goodAnswer })
	if _, err := testLoader(t, addr, 3, 1).openLoop(t.Context(), 5000, 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if served.Load() != 100 {
		t.Errorf("open loop: %d served, want 100", served.Load())
	}
}

// TestOpenLoopCountsStalls: the first of 20 answers on the only connection
// comes after 60 ms, when all 20 requests should have been sent for 40 ms.
func TestOpenLoopCountsStalls(t *testing.T) {
	const stall, send = 60 * time.Millisecond, 20 * time.Millisecond
	addr := fakeServer(t, func(n int) string {
		if n == 1 {
			<-time.After(stall)
		}
		return goodAnswer
	})
	got, err := testLoader(t, addr, 1, 1).openLoop(t.Context(), 1000, send)
	if err != nil {
		t.Fatal(err)
	}
	if least := micros(stall - send); got.P50 < least || got.Late < least {
		t.Errorf("%+v, want a p50 and a lateness of %v us or more", got, least)
	}
}

func TestWrongAnswers(t *testing.T) {
	later := func(text string) func(int) string {
		return func(n int) string {
			if n < 5 {
				return goodAnswer
			}
			return text
		}
	}
	tests := []struct {
		name   string
		answer func(n int) string
		want   string
	}{
		{"status", later(strings.Replace(goodAnswer, "200 OK", "500 Oh", 1)), "want status 200"},
		{"body", later(strings.Replace(goodAnswer, "Hello", "Jello", 1)), `body "Jello, World!"`},
		{"length", later(strings.Replace(goodAnswer, "13", "14", 1)), "want Content-Length: 13"},
		{"no length", later("HTTP/1.1 200 OK\r\n\r\n"), "want Content-Length: 13"},
		{"close", later(""), "closed a connection"},
		{"too much", later("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", answerBuffer)), "over 16 KiB"},
		{"twice", later(goodAnswer + goodAnswer), "more answers than requests"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := testLoader(t, fakeServer(t, tt.answer), 1, 1).closedLoop(t.Context(), time.Minute)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			_, err = testLoader(t, fakeServer(t, tt.answer), 1, 1).openLoop(t.Context(), 1e6, 100*time.Microsecond)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("open loop: error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	addr := fakeServer(t, func(n int) string {
		if n == 10 {
			cancel()
		}
		return goodAnswer
	})
	if _, err := testLoader(t, addr, 1, 1).closedLoop(ctx, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("closed loop: %v", err)
	}
	if _, err := testLoader(t, addr, 1, 1).openLoop(ctx, 10, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("open loop: %v", err)
	}
}

func TestCheckAnswer(t *testing.T) {
	for cut := range len(goodAnswer) {
		if size, err := checkAnswer([]byte(goodAnswer[:cut]), helloWorld); size != 0 || err != nil {
			t.Errorf("%d bytes: %d, %v", cut, size, err)
		}
	}
	if size, err := checkAnswer([]byte(goodAnswer+goodAnswer[:9]), helloWorld); size != len(goodAnswer) || err != nil {
		t.Errorf("one and a part: %d, %v", size, err)
	}
}

func FuzzCheckAnswer(f *testing.F) {
	f.Add([]byte(goodAnswer))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 404 Not Found\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		size, err := checkAnswer(b, helloWorld)
		if size == 0 {
			return
		}
		if err != nil || size > len(b) || !strings.HasSuffix(string(b[:size]), "\r\n\r\n"+helloWorld) {
			t.Errorf("%q: %d, %v", b, size, err)
		}
	})
}
