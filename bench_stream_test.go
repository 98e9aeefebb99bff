package quart_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// readChunked sends request once for each iteration and reads the whole answer, with the client's own allocations.
func readChunked(b *testing.B, nc net.Conn, size int64) {
	b.Helper()
	_ = nc.SetDeadline(time.Time{})
	br := bufio.NewReaderSize(nc, 64<<10)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		send(b, nc, get11)
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil {
			b.Fatal(n, err)
		}
	}
}

const streamedPieces, streamedPiece = 64, 16 << 10

// BenchmarkStream streams 1 MiB in pieces of 16 KiB over loopback, beside fasthttp's own stream writer.
func BenchmarkStream(b *testing.B) {
	data := make([]byte, streamedPiece)
	b.Run("quart", func(b *testing.B) {
		app, _ := newApp(quart.Config{})
		app.Get("/", func(c *quart.Ctx) error {
			return c.Stream("application/octet-stream", func(w *quart.StreamWriter) error {
				for range streamedPieces {
					if _, err := w.Write(data); err != nil {
						return err
					}
				}
				return nil
			})
		})
		readChunked(b, serve(b, app).dial(), streamedPieces*streamedPiece)
	})
	b.Run("fasthttp", func(b *testing.B) {
		srv := &fasthttp.Server{Handler: func(fc *fasthttp.RequestCtx) {
			fc.SetBodyStreamWriter(func(w *bufio.Writer) {
				for range streamedPieces {
					_, _ = w.Write(data)
				}
			})
		}}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		go func() { _ = srv.Serve(l) }()
		readChunked(b, (&served{t: b, addr: l.Addr().String()}).dial(), streamedPieces*streamedPiece)
	})
}

// BenchmarkSSESend sends events as fast as one client reads them.
func BenchmarkSSESend(b *testing.B) {
	app, _ := newApp(quart.Config{})
	done := make(chan struct{})
	app.SSE("/", func(s *quart.EventStream) error {
		defer close(done)
		e := quart.Event{ID: "12345", Data: "sixty-four bytes of data, as an event of a busy stream may have it"}
		b.ReportAllocs()
		for b.Loop() {
			if err := s.Send(e); err != nil {
				return err
			}
		}
		return nil
	})
	nc := serve(b, app).dial()
	_ = nc.SetDeadline(time.Time{})
	send(b, nc, get11)
	go func() { _, _ = io.Copy(io.Discard, nc) }()
	<-done
}
