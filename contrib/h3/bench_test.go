//go:build unix

package h3_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/contrib/h3"
	"github.com/quic-go/quic-go/http3"
)

// The benchmarks measure a server in a process of its own: what clients cost is not counted.
const childEnv = "H3_BENCH_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		benchServer()
		return
	}
	os.Exit(m.Run())
}

// benchServer serves until its standard input ends.
func benchServer() {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	app := quart.New(quart.Config{TLS: serverTLS(), ShutdownDelay: -1})
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "Hello, World!") })
	app.Post("/echo", func(c *quart.Ctx) error {
		b, err := c.Body()
		if err != nil {
			return err
		}
		return c.Bytes(200, "application/octet-stream", b)
	})
	mib := make([]byte, 1<<20)
	app.Get("/mib", func(c *quart.Ctx) error { return c.Bytes(200, "application/octet-stream", mib) })
	app.Get("/usage", func(c *quart.Ctx) error {
		var u syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return c.Text(200, fmt.Sprint(u.Utime.Nano()+u.Stime.Nano(), " ", m.Mallocs))
	})
	s, err := h3.Mount(app, h3.Config{Addr: "127.0.0.1:0", TLS: serverTLS(), ShutdownDelay: -1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	app.Go(func(context.Context) error {
		fmt.Println("https://" + l.Addr().String())
		fmt.Println("https://" + s.Addr().String())
		fmt.Println("https://" + bare())
		return nil
	})
	if err := app.Serve(ctx, l); err != nil {
		panic(err)
	}
}

// bare serves the same greeting by quic-go alone: the floor.
func bare() string {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := &http3.Server{
		TLSConfig: http3.ConfigureTLSConfig(serverTLS()),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{"text/plain; charset=utf-8"}
			_, _ = io.WriteString(w, "Hello, World!")
		}),
	}
	go func() { _ = server.Serve(pc) }()
	return pc.LocalAddr().String()
}

// startServer returns the base URLs over h1, h3, and quic-go alone.
func startServer(b *testing.B) (urls [3]string) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for i := range urls {
		if !lines.Scan() {
			b.Fatal("the server does not start")
		}
		urls[i] = lines.Text()
	}
	return urls
}

// BenchmarkServer asks from 8 goroutines: over 8 connections of HTTP/1.1, or one of HTTP/3.
func BenchmarkServer(b *testing.B) {
	urls := startServer(b)
	insecure := clientTLS()
	insecure.InsecureSkipVerify = true // the certificate is made in the other process
	tr := &http.Transport{TLSClientConfig: insecure, MaxIdleConnsPerHost: 8}
	defer tr.CloseIdleConnections()
	quic := &http3.Transport{TLSClientConfig: insecure}
	defer func() { _ = quic.Close() }()
	for _, load := range []struct{ name, method, path, body string }{
		{"GET 13 B", "GET", "/", ""},
		{"POST 1 KiB", "POST", "/echo", strings.Repeat("x", 1<<10)},
		{"GET 1 MiB", "GET", "/mib", ""},
	} {
		for i, name := range []string{"h1", "h3", "quic-go alone"} {
			if i == 2 && load.path != "/" {
				continue
			}
			var by http.RoundTripper = quic
			if i == 0 {
				by = tr
			}
			b.Run(load.name+"/"+name, func(b *testing.B) {
				measure(b, urls[0], tr, func() error { return once(by, load.method, urls[i]+load.path, load.body) })
			})
		}
	}
}

// measure reports what the server spends for each call of ask.
func measure(b *testing.B, h1 string, tr http.RoundTripper, ask func() error) {
	b.Helper()
	for range 16 {
		if err := ask(); err != nil {
			b.Fatal(err)
		}
	}
	cpu, allocs := usage(b, h1, tr)
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for range 8 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := ask(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	cpu2, allocs2 := usage(b, h1, tr)
	b.ReportMetric(float64(cpu2-cpu)/1e3/float64(b.N), "server-us/op")
	b.ReportMetric(float64(allocs2-allocs)/float64(b.N), "server-allocs/op")
}

func once(tr http.RoundTripper, method, url, body string) error {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != 200 {
		return fmt.Errorf("%s %s: %d", method, url, resp.StatusCode)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func usage(b *testing.B, h1 string, tr http.RoundTripper) (cpu, allocs int64) {
	b.Helper()
	req, err := http.NewRequest(http.MethodGet, h1+"/usage", nil)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := fmt.Fscan(resp.Body, &cpu, &allocs); err != nil {
		b.Fatal(err)
	}
	return cpu, allocs
}
