package main

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

var promised = regexp.MustCompile(`recv \(stream_id=\d+\) :path: (\S+)`)

// TestPush: nghttp, which takes pushes, is promised what the page needs, and gets it, with TLS and without.
func TestPush(t *testing.T) {
	nghttp, err := exec.LookPath("nghttp")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	cert, err := selfSigned(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, scheme string
		cfg          quart.Config
		more         []string
		want         []string
	}{
		{"TLS", "https://", quart.Config{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}, nil, []string{"/style.css", "/page.css", "/page.js"}},
		{"cleartext", "http://", quart.Config{H2C: true}, nil, []string{"/style.css", "/page.css", "/page.js"}},
		{"Upgrade", "http://", quart.Config{H2C: true}, []string{"--upgrade"}, []string{"/style.css", "/page.css", "/page.js"}},
		{"not wanted", "http://", quart.Config{H2C: true}, []string{"--no-push"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Log = quarttest.Log(t)
			url := tt.scheme + serve(t, newApp(tt.cfg, 0)) + "/"
			out, err := exec.Command(nghttp, append([]string{"-nv", "--no-verify-peer", "--timeout=30", url}, tt.more...)...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var got []string
			for _, m := range promised.FindAllSubmatch(out, -1) {
				got = append(got, string(m[1]))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("promised %q, want %q\n%s", got, tt.want, out)
			}
			for i := range tt.want {
				if answer := regexp.MustCompile(`recv \(stream_id=` + string(rune('2'+2*i)) + `\) :status: 200`); !answer.Match(out) {
					t.Errorf("%s is not answered\n%s", tt.want[i], out)
				}
			}
		})
	}
}

// serve serves app on a free port until the test ends, and returns the address.
func serve(t *testing.T, app *quart.App) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- app.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}
