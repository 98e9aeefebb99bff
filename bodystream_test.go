package quart_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

const chunkedHead = " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

// streamApp reads bodies by BodyReader. What reading ended with goes to ends.
func streamApp(cfg quart.Config) (app *quart.App, ends chan error) {
	app, _ = newApp(cfg)
	ends = make(chan error, 100)
	count := func(c *quart.Ctx) error {
		n, err := io.Copy(io.Discard, c.BodyReader())
		if _, again := c.BodyReader().Read(make([]byte, 1)); err != nil && again != err || err == nil && again != io.EOF {
			err = fmt.Errorf("%w, then %w", err, again) // neither errors nor the end go away
		}
		ends <- err
		if err != nil {
			return err
		}
		return c.Text(200, itoa(int(n)))
	}
	app.Post("/count", count)
	app.Post("/small", count).BodyLimit(10)
	app.Post("/endless", count).BodyLimit(-1).BodyTimeout(-1)
	app.Post("/brief", count).BodyTimeout(300 * time.Millisecond)
	app.Post("/ignore", func(c *quart.Ctx) error { return c.Text(200, "ignored") })
	app.Post("/set", func(c *quart.Ctx) error {
		c.SetBodyLimit(5)
		c.SetBodyTimeout(300 * time.Millisecond)
		return count(c)
	}).BodyLimit(100).BodyTimeout(-1)
	return app, ends
}

// TestBodyStreamStalls: a client that stops gets 408, by the time for one read where the whole body has none.
func TestBodyStreamStalls(t *testing.T) {
	app, ends := streamApp(quart.Config{BodyReadTimeout: 300 * time.Millisecond})
	patient, _ := streamApp(quart.Config{BodyReadTimeout: -1})
	s, p := serve(t, app), serve(t, patient)
	for _, tc := range []struct {
		name string
		s    *served
		sent string
	}{
		{"first byte", s, "POST /endless HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"},
		{"declared", s, "POST /endless HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"},
		{"chunked", s, "POST /endless" + chunkedHead},
		{"between chunks", s, "POST /endless" + chunkedHead + "3\r\nabc\r\n"},
		{"within a chunk", s, "POST /endless" + chunkedHead + "3\r\nab"},
		{"within a chunk's size", s, "POST /endless" + chunkedHead + "3"},
		{"within an extension", s, "POST /endless" + chunkedHead + "3;a=b"},
		{"after the data of a chunk", s, "POST /endless" + chunkedHead + "3\r\nabc"},
		{"within the trailers", s, "POST /endless" + chunkedHead + "0\r\nA: b\r\n"},
		{"the route's time", p, "POST /brief" + chunkedHead + "3\r\nabc\r\n"},
		{"the request's time", p, "POST /set" + chunkedHead + "3\r\nabc\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if a := tc.s.raw("POST", tc.sent); a.StatusCode != 408 || !a.Close {
				t.Errorf("%d, close %v, %s", a.StatusCode, a.Close, a.body)
			}
		})
	}
	t.Cleanup(func() {
		for range len(ends) {
			if err := <-ends; !errors.Is(err, quart.ErrTimeout) {
				t.Errorf("the handler saw %v", err)
			}
		}
	})
}

// TestBodyStreamDrip: a byte now and then buys no time for the whole.
func TestBodyStreamDrip(t *testing.T) {
	app, _ := streamApp(quart.Config{})
	s := serve(t, app)
	for _, head := range []string{"POST /brief HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", "POST /brief" + chunkedHead} {
		nc := s.dial()
		go func() {
			drop := "x"
			if strings.Contains(head, "chunked") {
				drop = "1\r\nx\r\n"
			}
			_, err := io.WriteString(nc, head)
			for tick := time.NewTicker(5 * time.Millisecond); err == nil; <-tick.C {
				_, err = io.WriteString(nc, drop)
			}
		}()
		if a := readAnswer(t, newReader(nc), "POST"); a.StatusCode != 408 || !a.Close {
			t.Errorf("%d, close %v", a.StatusCode, a.Close)
		}
		_ = nc.Close()
	}
}

// TestBodyStreamTimes measures by a bubble's clock what counts as time: waiting for the client, not the handler's work.
func TestBodyStreamTimes(t *testing.T) {
	const work = 10 * time.Minute
	for _, tc := range []struct {
		name    string
		path    string
		every   time.Duration // between two bytes
		bytes   int
		status  int
		seconds float64 // until the answer
	}{
		{"stalls", "/", time.Hour, 1, 408, 30},
		{"drips", "/", time.Second, 1000, 408, 60},
		{"slow enough to stall", "/", 40 * time.Second, 3, 408, 30},
		{"the handler works", "/work", time.Second, 10, 200, work.Seconds()},
		{"endless", "/endless", 29 * time.Second, 200, 200, 199 * 29},
		{"endless, and stalls", "/endless", 31 * time.Second, 200, 408, 30},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				app := quiet()
				read := func(c *quart.Ctx) error {
					_, err := io.Copy(io.Discard, c.BodyReader())
					return err
				}
				app.Post("/", read)
				app.Post("/endless", read).BodyTimeout(-1)
				app.Post("/work", func(c *quart.Ctx) error {
					if _, err := c.BodyReader().Read(make([]byte, 1)); err != nil {
						return err
					}
					time.Sleep(work)
					return read(c)
				})
				nc := quarttest.New(t, app).Dial()
				start := time.Now()
				send(t, nc, "POST "+tc.path+chunkedHead)
				go func() {
					_, err := io.WriteString(nc, "1\r\nx\r\n")
					for n := 1; n < tc.bytes && err == nil; n++ {
						time.Sleep(tc.every)
						_, err = io.WriteString(nc, "1\r\nx\r\n")
					}
					if err == nil && tc.status == 200 {
						_, _ = io.WriteString(nc, "0\r\n\r\n")
					}
				}()
				a := readAnswer(t, newReader(nc), "POST")
				if s := time.Since(start).Seconds(); a.StatusCode != tc.status || s < tc.seconds || s > tc.seconds*1.01+1.5 {
					t.Errorf("%d after %v s, want %d after %v", a.StatusCode, s, tc.status, tc.seconds)
				}
			})
		})
	}
}

// TestBodyStreamTooLarge: 413 reaches a client that goes on sending, whatever the framing, and a declared length is refused unread.
func TestBodyStreamTooLarge(t *testing.T) {
	app, ends := streamApp(quart.Config{})
	s := serve(t, app)
	piece := strings.Repeat("x", 1000)
	for _, tc := range []struct {
		path, head, piece string
		want              int
	}{
		{"/small", "Content-Length: 10", "0123456789", 200},
		{"/small", "Content-Length: 11", piece, 413},
		{"/small", "Transfer-Encoding: chunked", "b\r\n0123456789a\r\n", 413},
		{"/count", "Content-Length: 1000000000", piece, 413},
		{"/count", "Transfer-Encoding: chunked", "3e8\r\n" + piece + "\r\n", 413},
		{"/set", "Content-Length: 6", "012345", 413},
		{"/set", "Transfer-Encoding: chunked", "1\r\na\r\n", 413},
		{"/set", "Content-Length: 5", "01234", 200},
	} {
		nc := s.dial()
		go func() {
			_, err := io.WriteString(nc, "POST "+tc.path+" HTTP/1.1\r\nHost: x\r\n"+tc.head+"\r\n\r\n"+tc.piece)
			for err == nil && tc.want == 413 {
				_, err = io.WriteString(nc, tc.piece)
			}
		}()
		a := readAnswer(t, newReader(nc), "POST")
		if a.StatusCode != tc.want || a.Close != (tc.want == 413) {
			t.Errorf("%s %s: %d, close %v", tc.path, tc.head, a.StatusCode, a.Close)
		}
		_ = nc.Close()
		if err := ended(t, ends); (tc.want == 413) != errors.Is(err, quart.ErrTooLarge) {
			t.Errorf("%s %s: the handler saw %v", tc.path, tc.head, err)
		}
	}
}

// TestBodyStreamCut: what is not the whole body is an error to the handler and 400 to the client.
func TestBodyStreamCut(t *testing.T) {
	app, ends := streamApp(quart.Config{})
	s := serve(t, app)
	for _, sent := range []string{
		"Transfer-Encoding: chunked\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc",
		"Transfer-Encoding: chunked\r\n\r\n3\r\nab",
		"Transfer-Encoding: chunked\r\n\r\n3",
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n",
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\n3 3\r\nabc\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\n;a\r\nabc\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\n0\r\nA: " + strings.Repeat("b", 17<<10) + "\r\n\r\n",
		"Content-Length: 4\r\n\r\nabc",
		"Content-Length: 100000\r\n\r\n" + strings.Repeat("a", 50_000),
	} {
		nc := s.dial()
		send(t, nc, "POST /count HTTP/1.1\r\nHost: x\r\n"+sent)
		_ = nc.(*net.TCPConn).CloseWrite()
		if a := readAnswer(t, newReader(nc), "POST"); a.StatusCode != 400 || !a.Close {
			t.Errorf("%.80q: %d, close %v", sent, a.StatusCode, a.Close)
		}
		if err := ended(t, ends); !errors.Is(err, quart.ErrBadRequest) {
			t.Errorf("%.80q: the handler saw %v", sent, err)
		}
	}
}

// TestBodyStreamOverhead: what a chunked body is wrapped in is bounded, read or not, and what clients do is within the bounds.
func TestBodyStreamOverhead(t *testing.T) {
	app, _ := streamApp(quart.Config{BodyLimit: 4 << 20})
	app.Post("/greedy", func(c *quart.Ctx) error {
		buf := make([]byte, 1<<20)
		for {
			if _, err := c.BodyReader().Read(buf); err != nil {
				return err
			}
		}
	})
	s := serve(t, app)
	for _, tc := range []struct{ name, path, once, again string }{
		{"extension", "/count", "1;", strings.Repeat("x", 1000)},
		{"later extension", "/count", "3\r\nabc\r\n1;", strings.Repeat("x", 1000)},
		{"extensions", "/count", "", "1;" + strings.Repeat("x", 1000) + "\r\na\r\n"},
		{"leading zeros and blanks", "/count", "", "0001" + strings.Repeat(" ", 1000) + "\r\na\r\n"},
		{"into a large buffer", "/greedy", "1;", strings.Repeat("x", 1000)},
		{"no limit", "/endless", "1;", strings.Repeat("x", 1000)},
		{"unread", "/ignore", "1;", strings.Repeat("x", 1000)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := app.Stats().BytesIn
			nc := s.dial()
			go func() {
				_, err := io.WriteString(nc, "POST "+tc.path+chunkedHead+tc.once)
				for n := 0; err == nil && n < 64<<20; n += len(tc.again) {
					_, err = io.WriteString(nc, tc.again)
				}
			}()
			want, most := 400, uint64(150<<10)
			if tc.path == "/ignore" {
				want, most = 200, 400<<10
			}
			br := newReader(nc)
			if a := readAnswer(t, br, "POST"); a.StatusCode != want || want == 400 && !strings.Contains(a.body, "overhead") {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			if _, err := br.ReadByte(); err == nil {
				t.Error("the connection goes on")
			}
			_ = nc.Close()
			if n := app.Stats().BytesIn - before; n > most {
				t.Errorf("%d bytes were read", n)
			}
		})
	}

	var tiny, signed strings.Builder
	for range 100_000 {
		tiny.WriteString("1\r\nx\r\n")
	}
	for range 100 {
		fmt.Fprintf(&signed, "1000;chunk-signature=%064d\r\n%s\r\n", 7, strings.Repeat("x", 4096))
	}
	for name, chunks := range map[string]string{"100000": tiny.String(), "409600": signed.String()} {
		s.raw("POST", "POST /count"+chunkedHead+chunks+"0\r\nX-Sum: 1\r\n\r\n").want(t, 200, name)
	}
}

// TestBodyStreamClientLeaves: the handler learns of it, and nothing is left behind.
func TestBodyStreamClientLeaves(t *testing.T) {
	app, ends := streamApp(quart.Config{})
	s := serve(t, app)
	s.do("POST", "/count", "x", "Connection: close").want(t, 200, "1")
	_ = ended(t, ends)
	before, _ := busy()
	const clients = 20
	for i := range clients {
		nc := s.dial()
		switch i % 3 {
		case 0:
			send(t, nc, "POST /endless"+chunkedHead+"5\r\nabc")
		case 1:
			send(t, nc, "POST /endless"+chunkedHead+"3\r\nabc\r\n")
		case 2:
			send(t, nc, "POST /endless HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
			_ = nc.(*net.TCPConn).SetLinger(0) // a reset
		}
		_ = nc.Close()
	}
	for range clients {
		if err := ended(t, ends); !errors.Is(err, quart.ErrBadRequest) {
			t.Errorf("the handler saw %v", err)
		}
	}
	settle(t, before)
}

// ended waits for what a handler's reading ended with.
func ended(t *testing.T, ends chan error) error {
	t.Helper()
	select {
	case err := <-ends:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the handler did not end")
		return nil
	}
}

// busy is the number of goroutines, without the workers that fasthttp keeps for the next connection.
func busy() (n int, stacks string) {
	buf := make([]byte, 4<<20)
	stacks = string(buf[:runtime.Stack(buf, true)])
	for s := range strings.SplitSeq(stacks, "\n\n") {
		if !strings.Contains(s, "workerFunc") || strings.Contains(s, "serveConn") {
			n++
		}
	}
	return n, stacks
}

// settle waits until there are no more goroutines than before: those of connections end a moment after the last answer.
func settle(t *testing.T, before int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		n, stacks := busy()
		if n <= before {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before:\n%s", n, before, stacks)
		}
	}
}

// TestBodyStreamMemory: an upload without end takes no memory, whoever reads it.
func TestBodyStreamMemory(t *testing.T) {
	const size, most = 64 << 20, 4 << 20
	app, _ := streamApp(quart.Config{})
	app.Post("/parts", func(c *quart.Ctx) error {
		n := int64(0)
		for p, err := range c.Parts() {
			if err != nil {
				return err
			}
			m, err := io.Copy(io.Discard, p)
			if err != nil {
				return err
			}
			n += m
		}
		return c.Text(200, itoa(int(n)))
	}).BodyLimit(-1)
	s := serve(t, app)
	chunk := append(append([]byte("10000\r\n"), bytes.Repeat([]byte("x"), 64<<10)...), "\r\n"...)
	const open = "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n"
	const shut = "\r\n--B--\r\n"
	for _, tc := range []struct{ path, ctype, before, after string }{
		{"/endless", "application/octet-stream", "", ""},
		{"/parts", "multipart/form-data; boundary=B", fmt.Sprintf("%x\r\n%s\r\n", len(open), open), fmt.Sprintf("%x\r\n%s\r\n", len(shut), shut)},
	} {
		nc := s.dial()
		send(t, nc, "POST "+tc.path+" HTTP/1.1\r\nHost: x\r\nContent-Type: "+tc.ctype+"\r\nTransfer-Encoding: chunked\r\n\r\n"+tc.before)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		before := m.TotalAlloc
		for n := 0; n < size; n += 64 << 10 {
			if _, err := nc.Write(chunk); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&m)
		send(t, nc, tc.after+"0\r\n\r\n")
		readAnswer(t, newReader(nc), "POST").want(t, 200, itoa(size))
		if n := m.TotalAlloc - before; n > most {
			t.Errorf("%s: %d bytes were allocated", tc.path, n)
		}
	}
}

// TestBodyStreamUnread: what is left of a small body is dropped and the connection goes on; a larger one ends it, behind the answer.
func TestBodyStreamUnread(t *testing.T) {
	app, _ := streamApp(quart.Config{})
	app.Post("/some", func(c *quart.Ctx) error {
		if _, err := io.ReadFull(c.BodyReader(), make([]byte, 5)); err != nil {
			return err
		}
		return c.Text(200, "ignored")
	})
	s := serve(t, app)
	for _, path := range []string{"/ignore", "/some"} {
		for _, tc := range []struct {
			size    int
			chunked bool
			goesOn  bool
		}{
			{10, false, true},
			{10, true, true},
			{200 << 10, false, true},
			{200 << 10, true, true},
			{400 << 10, false, false},
			{400 << 10, true, false},
		} {
			body := strings.Repeat("x", tc.size)
			request := "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + itoa(tc.size) + "\r\n\r\n" + body
			if tc.chunked {
				request = "POST " + path + chunkedHead + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", tc.size, body)
			}
			nc := s.dial()
			go func() {
				_, _ = io.WriteString(nc, request+"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nnext")
			}()
			br := newReader(nc)
			readAnswer(t, br, "POST").want(t, 200, "ignored")
			if tc.goesOn {
				readAnswer(t, br, "POST").want(t, 200, "4")
			} else if rest, err := io.ReadAll(br); err != nil || len(rest) > 0 {
				t.Errorf("%s %+v: then %q, %v", path, tc, rest, err)
			}
			_ = nc.Close()
		}
	}
}

// serveUnix serves app on a unix socket: a fuzzer runs out of ports.
func serveUnix(f *testing.F, app *quart.App) (dial func(t *testing.T) *net.UnixConn) {
	f.Helper()
	l, err := net.Listen("unix", f.TempDir()+"/socket")
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := contextWithCancel()
	done := make(chan error)
	go func() { done <- app.Serve(ctx, l) }()
	f.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			f.Error(err)
		}
	})
	return func(t *testing.T) *net.UnixConn {
		nc, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
		return nc.(*net.UnixConn)
	}
}

// FuzzChunkedBody compares bodies as quart reads them, sent in pieces, with net/http's reader: what quart takes, net/http takes
// for the same. The other way round, quart is stricter.
func FuzzChunkedBody(f *testing.F) {
	f.Add([]byte("3\r\nabc\r\n0\r\n\r\n"), uint16(7))
	f.Add([]byte("3;a=b\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX: y\r\n\r\n"), uint16(3))
	f.Add([]byte("3\r\nabc\r\n"), uint16(1))
	f.Add([]byte("0\r\n"), uint16(1))
	f.Add([]byte("1 \r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"), uint16(9))
	f.Add([]byte("fffffffffffffffff\r\na\r\n0\r\n\r\n"), uint16(2))
	f.Add([]byte("1\na\r\n0\r\n\r\n"), uint16(2))
	f.Add([]byte("0\r\n\nX: y\r\n\r\n"), uint16(2))
	app, _ := newApp(quart.Config{})
	app.Post("/", func(c *quart.Ctx) error {
		data, err := io.ReadAll(c.BodyReader())
		if err != nil {
			return err
		}
		return c.Bytes(200, "application/octet-stream", data)
	})
	dial := serveUnix(f, app)
	f.Fuzz(func(t *testing.T, wire []byte, split uint16) {
		if len(wire) > 4096 {
			return // bounds of overhead are for other tests
		}
		nc := dial(t)
		defer nc.Close()
		send(t, nc, "POST /"+chunkedHead)
		for rest := wire; len(rest) > 0; {
			n := min(len(rest), 1+int(split%97))
			if _, err := nc.Write(rest[:n]); err != nil {
				break // it was refused already
			}
			rest, split = rest[n:], split*31+7
		}
		_ = nc.CloseWrite()
		a := readAnswer(t, newReader(nc), "POST")
		req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader("POST /"+chunkedHead), bytes.NewReader(wire))))
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(req.Body)
		switch {
		case a.StatusCode == 400:
		case a.StatusCode != 200:
			t.Fatalf("%q: %d", wire, a.StatusCode)
		case err != nil:
			t.Fatalf("%q: quart took it for %q, net/http says %v", wire, a.body, err)
		case a.body != string(want):
			t.Fatalf("%q: quart took it for %q, net/http for %q", wire, a.body, want)
		}
	})
}

// FuzzChunkedSplits: a well-formed body arrives whole, in whatever chunks and packets.
func FuzzChunkedSplits(f *testing.F) {
	f.Add([]byte("hello, world"), uint16(3), uint16(5))
	f.Add(bytes.Repeat([]byte("0\r\n\r\n"), 3000), uint16(4000), uint16(60000))
	app, _ := bodyApp(quart.Config{})
	dial := serveUnix(f, app)
	f.Fuzz(func(t *testing.T, body []byte, chunk, split uint16) {
		if len(body) > 1<<14 {
			return
		}
		var wire bytes.Buffer
		for rest := body; len(rest) > 0; {
			n := min(len(rest), 1+int(chunk))
			fmt.Fprintf(&wire, "%x;n=%d\r\n%s\r\n", n, chunk, rest[:n])
			rest, chunk = rest[n:], chunk*31+7
		}
		wire.WriteString("0\r\nX-Sum: 1\r\n\r\n")
		nc := dial(t)
		defer nc.Close()
		send(t, nc, "POST /any"+chunkedHead)
		go func() {
			for wire.Len() > 0 {
				if _, err := nc.Write(wire.Next(1 + int(split))); err != nil {
					return
				}
				split = split*31 + 7
			}
		}()
		readAnswer(t, newReader(nc), "POST").want(t, 200, string(body))
	})
}
