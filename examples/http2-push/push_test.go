package main

import (
	"crypto/x509"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

const hints = "</style.css>; rel=preload; as=style, </page.css>; rel=preload; as=style, </page.js>; rel=preload; as=script"

// TestPage: whatever the protocol, a client that takes no push gets one 103 with all that the page links, and then the page.
func TestPage(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		cl := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}, 0), p)
		page := cl.Get("/").Want(200)
		if csp := page.Header("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
			t.Errorf("Content-Security-Policy %q", csp)
		}
		if len(page.Interim) != 1 || page.Interim[0].Status != 103 {
			t.Fatalf("%d informational responses, want one 103", len(page.Interim))
		}
		if got := strings.Join(page.Interim[0].HeaderAll("Link"), ", "); got != hints {
			t.Errorf("hints %q", got)
		}
		for _, file := range []string{"/style.css", "/page.css", "/page.js", "/icon.svg"} {
			if !strings.Contains(page.Text(), `"`+file+`"`) {
				t.Errorf("the page does not ask for %s", file)
			}
			if got := cl.Get(file).Want(200).Header("Cache-Control"); !strings.HasPrefix(got, "public, max-age=") {
				t.Errorf("%s: Cache-Control %q: what is hinted must be kept", file, got)
			}
		}
	})
}

// TestThinks: the page comes when it is made.
func TestThinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}, time.Minute/4), quarttest.H2C)
		begin := time.Now()
		cl.Get("/").Want(200)
		if took := time.Since(begin); took != time.Minute/4 {
			t.Errorf("the page took %v", took)
		}
	})
}

// TestStreams: the page's largest choice of streams runs at once, over HTTP/2 on one connection.
func TestStreams(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		synctest.Test(t, func(t *testing.T) {
			cl := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}, 0), p)
			connections := map[string]bool{}
			var streams []*quarttest.Stream
			for n := 1; n <= 32; n++ {
				s := cl.SSE("/buoys/" + strconv.Itoa(n))
				connections[firstEvent(t, s).Connection] = true
				streams = append(streams, s)
			}
			for i, s := range streams {
				next := s.Next(2 * every)
				if got, err := strconv.ParseFloat(next.Data, 64); err != nil || got <= 0 || next.Name != "" {
					t.Errorf("stream %d sends %+v", i+1, next)
				}
			}
			want := 1
			if p == quarttest.HTTP1 {
				want = 32
			}
			if len(connections) != want {
				t.Errorf("%d connections, want %d", len(connections), want)
			}
		})
	})
}

func firstEvent(t *testing.T, s *quarttest.Stream) (first past) {
	t.Helper()
	e := s.Next(time.Second)
	if err := json.Unmarshal([]byte(e.Data), &first); err != nil || e.Name != "past" || len(first.Heights) != history {
		t.Fatalf("the first event is %+v", e)
	}
	return first
}

func TestBuoysThatAreNot(t *testing.T) {
	cl := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}, 0))
	for _, number := range []string{"0", "33", "x", "-1"} {
		cl.Get("/buoys/" + number).Want(404)
	}
}

// TestHeight: the page's lines end at 0 and 2.8 m.
func TestHeight(t *testing.T) {
	begin := time.Date(2030, 1, 2, 3, 59, 0, 0, time.UTC)
	for buoy := 1; buoy <= 32; buoy++ {
		lowest, highest := 10.0, 0.0
		for i := range 4 * 120 {
			h := height(buoy, begin.Add(time.Duration(i)*every))
			lowest, highest = min(lowest, h), max(highest, h)
		}
		if lowest <= 0 || highest >= 2.8 || highest-lowest < 1 {
			t.Errorf("buoy %d goes from %v to %v", buoy, lowest, highest)
		}
	}
}

func TestCertificate(t *testing.T) {
	now := time.Now()
	cert, err := certificate("", "")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	for _, tt := range []struct {
		name string
		at   time.Time
		good bool
	}{
		{"localhost", now, true},
		{"127.0.0.1", now, true},
		{"[::1]", now.Add(23 * time.Hour), true},
		{"localhost", now.Add(25 * time.Hour), false},
		{"example.org", now, false},
	} {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: tt.name, Roots: roots, CurrentTime: tt.at}); (err == nil) != tt.good {
			t.Errorf("%s at %v: %v", tt.name, tt.at, err)
		}
	}
	if _, err := certificate("no such file", ""); err == nil {
		t.Error("a file that is not there is no error")
	}
}
