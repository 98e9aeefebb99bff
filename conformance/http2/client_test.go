package http2_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// client is Go's, which speaks HTTP/2 alone here.
type client struct {
	*http.Client
	t     *testing.T
	s     server
	tr    transport
	dials atomic.Int32 // how many connections it has made
	shut  atomic.Bool  // it makes no more
}

var errShut = errors.New("no more connections are made")

func newClient(t *testing.T, s server, tr transport) *client {
	c := &client{t: t, s: s, tr: tr}
	var protocols http.Protocols
	protocols.SetHTTP2(tr.tls)
	protocols.SetUnencryptedHTTP2(!tr.tls)
	rt := &http.Transport{
		Protocols:             &protocols,
		TLSClientConfig:       &tls.Config{InsecureSkipVerify: true},
		ExpectContinueTimeout: patience,
		MaxConnsPerHost:       1, // else requests that are made while the first connection is are given others
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if c.shut.Load() {
				return nil, errShut
			}
			c.dials.Add(1)
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
	t.Cleanup(rt.CloseIdleConnections)
	c.Client = &http.Client{Transport: rt, Timeout: patience}
	return c
}

func (c *client) url(path string) string { return c.s.url(c.tr, path) }

// fetch makes a request and reads its answer.
func (c *client) fetch(method, path string, body io.Reader) (*http.Response, []byte, error) {
	req, err := http.NewRequest(method, c.url(path), body)
	if err != nil {
		return nil, nil, err
	}
	return c.send(req)
}

func (c *client) send(req *http.Request) (*http.Response, []byte, error) {
	resp, err := c.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err == nil && resp.ProtoMajor != 2 {
		err = fmt.Errorf("an answer of %s", resp.Proto)
	}
	return resp, data, err
}

// text is the body of a GET.
func (c *client) text(path string) string {
	c.t.Helper()
	resp, data, err := c.fetch("GET", path, nil)
	if err != nil || resp.StatusCode != 200 {
		c.t.Fatalf("GET %s: %v, %v", path, resp, err)
	}
	return string(data)
}

// together calls f n times at once, and reports what went wrong.
func together(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	failed := 0
	for i, err := range errs {
		if err == nil {
			continue
		}
		if failed++; failed <= 3 {
			t.Errorf("%d: %v", i, err)
		}
	}
	if failed > 3 {
		t.Errorf("%d of %d failed", failed, n)
	}
}

// TestGoClient: what net/http's client does.
func TestGoClient(t *testing.T) {
	s := start(t)
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			for _, tt := range []struct {
				name string
				run  func(*testing.T, *client)
			}{
				{"two hundred streams are open at once on one connection", goStreams},
				{"two hundred bodies come back at once", goBodies},
				{"trailers are read", goTrailers},
				{"trailers are sent", goRequestTrailers},
				{"a request that is cancelled ends its handler", goCancel},
				{"a stream that is left ends", goLeave},
				{"a 103 comes before the answer", goHints},
				{"a 100 comes before the body", goContinue},
				{"a handler that fails in its stream resets it alone", goFail},
				{"a 413 arrives although the body was not read", goTooLarge},
				{"uploads that stand still hold nobody up", goStalledUploads},
				{"downloads that are not read hold nobody up", goStalledDownloads},
				{"four uploads of 64 MiB at once take no memory", goUploads},
				{"a download of 24 MiB is what was sent", goDownload},
			} {
				t.Run(tt.name, func(t *testing.T) { tt.run(t, newClient(t, s, tr)) })
			}
		})
	}
}

func goStreams(t *testing.T, c *client) {
	const n = 200
	c.text("/plaintext") // so that there is a connection, which all take
	var open sync.WaitGroup
	open.Add(n)
	together(t, n, func(int) error {
		arrived := sync.OnceFunc(open.Done)
		defer arrived()
		resp, err := c.Get(c.url("/sse?n=1&size=10&hold=1"))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		line, err := bufio.NewReader(resp.Body).ReadString('\n')
		if err != nil || line == "\n" {
			return fmt.Errorf("the first line is %q, %w", line, err)
		}
		arrived()
		open.Wait() // nobody leaves before all have their first line
		return nil
	})
	if got := c.text("/plaintext"); got != "Hello, World!" {
		t.Errorf("then %q", got)
	}
	if n := c.dials.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func goBodies(t *testing.T, c *client) {
	c.text("/plaintext")
	together(t, 200, func(i int) error {
		data := noise(i * 1000)
		_, got, err := c.fetch("POST", "/echo", bytes.NewReader(data))
		if err == nil && !bytes.Equal(got, data) {
			err = fmt.Errorf("%s, want %s", digest(got), digest(data))
		}
		return err
	})
	if n := c.dials.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func goTrailers(t *testing.T, c *client) {
	resp, data, err := c.fetch("GET", "/trailers", nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	if got := resp.Trailer.Get("X-Checksum"); got != hex.EncodeToString(sum[:]) {
		t.Errorf("the trailers are %v behind %q", resp.Trailer, data)
	}
}

func goRequestTrailers(t *testing.T, c *client) {
	req, err := http.NewRequest("POST", c.url("/echo"), io.MultiReader(strings.NewReader("a body "), strings.NewReader("of two")))
	if err != nil {
		t.Fatal(err)
	}
	req.Trailer = http.Header{"X-Check": {"1"}}
	if resp, data, err := c.send(req); err != nil || resp.StatusCode != 200 || string(data) != "a body of two" {
		t.Errorf("%q, %v", data, err)
	}
}

// gone is how many slow handlers have seen their client leave.
func (c *client) gone() int {
	c.t.Helper()
	n, err := strconv.Atoi(c.text("/gone"))
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

func goCancel(t *testing.T, c *client) {
	const n = 20
	before := c.gone()
	ctx, cancel := context.WithCancel(t.Context())
	var sent sync.WaitGroup
	sent.Add(n)
	trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent.Done() }}
	go func() {
		sent.Wait()
		_, _, _ = c.fetch("GET", "/plaintext", nil) // its answer says that what was sent before has been read
		cancel()
	}()
	together(t, n, func(int) error {
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), "GET", c.url("/slow?ms=60000"), nil)
		if err != nil {
			return err
		}
		if _, _, err = c.send(req); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("the error is %w", err)
		}
		return nil
	})
	eventually(t, fmt.Sprintf("%d handlers saw their client leave", n), func() bool { return c.gone() == before+n })
	if n := c.dials.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func goLeave(t *testing.T, c *client) {
	for range 10 {
		resp, err := c.Get(c.url("/stream?n=1000000&size=1000"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, resp.Body, 100_000); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if got := c.text("/plaintext"); got != "Hello, World!" || c.dials.Load() != 1 {
		t.Errorf("then %q, on connection %d", got, c.dials.Load())
	}
}

func goHints(t *testing.T, c *client) {
	var links []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		links = append(links, fmt.Sprint(code, " ", header.Get("Link")))
		return nil
	}}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", c.url("/hints"), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, _, err := c.send(req)
	if err != nil {
		t.Fatal(err)
	}
	const link = "</style.css>; rel=preload; as=style"
	if len(links) != 1 || links[0] != "103 "+link || resp.StatusCode != 200 || resp.Header.Get("Link") != link {
		t.Errorf("%q, then %d with Link %q", links, resp.StatusCode, resp.Header.Get("Link"))
	}
}

func goContinue(t *testing.T, c *client) {
	var continued bool
	trace := &httptrace.ClientTrace{Got100Continue: func() { continued = true }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "POST", c.url("/echo"), strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Expect", "100-continue")
	if resp, data, err := c.send(req); err != nil || resp.StatusCode != 200 || string(data) != "hello" || !continued {
		t.Errorf("%q, %v; continued: %v", data, err, continued)
	}
}

func goFail(t *testing.T, c *client) {
	_, data, err := c.fetch("GET", "/fail", nil)
	if string(data) != "the first chunk\n" || err == nil {
		t.Errorf("%q, %v", data, err)
	}
	if resp, _, err := c.fetch("GET", "/panic", nil); err != nil || resp.StatusCode != 500 {
		t.Errorf("a panic: %v, %v", resp, err)
	}
	if got := c.text("/plaintext"); got != "Hello, World!" || c.dials.Load() != 1 {
		t.Errorf("then %q, on connection %d", got, c.dials.Load())
	}
}

func goTooLarge(t *testing.T, c *client) {
	for _, length := range []int64{5 << 20, -1} {
		req, err := http.NewRequest("POST", c.url("/echo"), bytes.NewReader(noise(5<<20)))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = length
		if resp, _, err := c.send(req); err != nil || resp.StatusCode != 413 {
			t.Errorf("length %d: %v, %v", length, resp, err)
		}
	}
	if got := c.text("/plaintext"); got != "Hello, World!" || c.dials.Load() != 1 {
		t.Errorf("then %q, on connection %d", got, c.dials.Load())
	}
}

// multipartBody is a form with a file of size bytes, which comes from a pipe.
func multipartBody(size int, pause <-chan struct{}) (body io.Reader, contentType string) {
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() {
		part, err := form.CreateFormFile("file", "noise")
		chunk := noise(64 << 10)
		for left := size; left > 0 && err == nil; left -= len(chunk) {
			if left <= size/2 && pause != nil {
				<-pause
			}
			_, err = part.Write(chunk[:min(left, len(chunk))])
		}
		_ = w.CloseWithError(errors.Join(err, form.Close()))
	}()
	return r, form.FormDataContentType()
}

func (c *client) upload(size int, pause <-chan struct{}) error {
	body, contentType := multipartBody(size, pause)
	resp, err := c.Post(c.url("/upload"), contentType, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err == nil && string(got) != strconv.Itoa(size) {
		err = fmt.Errorf("%s: %q", resp.Status, got)
	}
	return err
}

func goStalledUploads(t *testing.T, c *client) {
	c.text("/plaintext")
	pause := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { together(t, 20, func(int) error { return c.upload(2<<20, pause) }) })
	together(t, 20, func(i int) error {
		data := noise(50_000)
		_, got, err := c.fetch("POST", "/echo", bytes.NewReader(data))
		if err == nil && !bytes.Equal(got, data) {
			err = errors.New("another body")
		}
		return err
	})
	close(pause)
	wg.Wait()
	if n := c.dials.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func goStalledDownloads(t *testing.T, c *client) {
	before := memory(t, c.s)
	c.text("/plaintext")
	const n = 50
	var bodies []io.ReadCloser
	for range n {
		resp, err := c.Get(c.url("/stream?n=1024&size=16384"))
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, resp.Body)
	}
	if got := c.text("/plaintext"); got != "Hello, World!" {
		t.Errorf("%q", got)
	}
	together(t, n, func(i int) error {
		got, err := io.Copy(io.Discard, bodies[i])
		_ = bodies[i].Close()
		if err != nil || got != 16<<20 {
			return fmt.Errorf("%d bytes, %w", got, err)
		}
		return nil
	})
	wantMemory(t, c.s, before)
}

func goUploads(t *testing.T, c *client) {
	before := memory(t, c.s)
	together(t, 4, func(int) error { return c.upload(64<<20, nil) })
	wantMemory(t, c.s, before)
}

func goDownload(t *testing.T, c *client) {
	resp, err := c.Get(c.url("/static/large.bin"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := digestOf(resp.Body); err != nil || got != digest(large) {
		t.Errorf("%s, want %s; %v", got, digest(large), err)
	}
}
