//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/goquart/quart/bench/internal/proc"
)

// An upload is one way to send a body.
type upload struct {
	Name     string // in the tables
	server   string
	path     string
	chunked  bool
	boundary string // of a form; empty: the body is the file
}

var uploads = []upload{
	{"quart, Content-Length", ours, uploadPath, false, ""},
	{"quart, chunked", ours, uploadPath, true, ""},
	{"quart, a file of a form", ours, partsPath, false, "bench-boundary"},
	{"fasthttp, Content-Length", raw, uploadPath, false, ""},
	{"fasthttp, chunked", raw, uploadPath, true, ""},
	{"net/http, Content-Length", netHTTP, uploadPath, false, ""},
	{"net/http, chunked", netHTTP, uploadPath, true, ""},
}

// An uploadRow is what one upload cost.
type uploadRow struct {
	Upload string
	Bytes  int64
	Growth int64   // of the server's peak resident memory over what it had before, bytes
	Rate   float64 // bytes per second
	CPU    float64 // of the server, seconds
}

// warmUpload is the first body that each server gets, so that code and buffers are there.
const warmUpload = 1 << 20

func measureUploads(ctx context.Context, cfg config) (rows []uploadRow, err error) {
	for _, u := range uploads {
		progress("upload: %s", u.Name)
		err := cfg.withServer(ctx, u.server, cfg.profileFile("upload "+u.Name), func(ctx context.Context, s *proc.Server) error {
			if _, err := u.send(ctx, s.Addr, min(warmUpload, cfg.UploadBytes)); err != nil {
				return err
			}
			row, err := u.measure(ctx, s, cfg.UploadBytes)
			rows = append(rows, row)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", u.Name, err)
		}
	}
	return rows, nil
}

func (u *upload) measure(ctx context.Context, s *proc.Server, size int64) (row uploadRow, err error) {
	before, err := s.Ask1("reset")
	if err != nil {
		return row, err
	}
	cpuBefore, err := s.Ask1("cpu")
	if err != nil {
		return row, err
	}
	took, err := u.send(ctx, s.Addr, size)
	if err != nil {
		return row, err
	}
	cpu, err := s.Ask1("cpu")
	if err != nil {
		return row, err
	}
	peak, err := s.Ask1("peak")
	return uploadRow{
		Upload: u.Name, Bytes: size, Growth: peak - before,
		Rate: float64(size) / took.Seconds(), CPU: time.Duration(cpu - cpuBefore).Seconds(),
	}, err
}

// send posts size bytes, and wants them counted in the answer.
func (u *upload) send(ctx context.Context, addr netip.AddrPort, size int64) (took time.Duration, err error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp4", addr.String())
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	began := time.Now()
	if err := u.write(nc, addr, size); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != 200 || string(body) != strconv.FormatInt(size, 10) {
		return 0, fmt.Errorf("answer %s: %q, want %d", resp.Status, body, size)
	}
	return time.Since(began), nil
}

// uploadPiece is one write, and one chunk.
const uploadPiece = 64 << 10

func (u *upload) write(w io.Writer, addr netip.AddrPort, size int64) error {
	prefix, suffix, kind := "", "", "application/octet-stream"
	if u.boundary != "" {
		prefix = "--" + u.boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"big.bin\"\r\n" +
			"Content-Type: application/octet-stream\r\n\r\n"
		suffix = "\r\n--" + u.boundary + "--\r\n"
		kind = "multipart/form-data; boundary=" + u.boundary
	}
	framing := fmt.Sprintf("Content-Length: %d", int64(len(prefix)+len(suffix))+size)
	if u.chunked {
		framing = "Transfer-Encoding: chunked"
	}
	_, err := fmt.Fprintf(w, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n%s\r\n\r\n%s", u.path, addr, kind, framing, prefix)
	if err != nil {
		return err
	}
	for rest := size; rest > 0; {
		n := min(rest, uploadPiece)
		if _, err := w.Write(u.piece(int(n))); err != nil {
			return err
		}
		rest -= n
	}
	if u.chunked {
		suffix = "0\r\n\r\n"
	}
	_, err = io.WriteString(w, suffix)
	return err
}

// filler is what bodies are made of: bytes as those of a compressed file, the same in each run.
var filler = func() []byte {
	p := make([]byte, uploadPiece)
	_, _ = rand.NewChaCha8([32]byte{}).Read(p) // it never fails
	return p
}()

// chunkOfFiller is the whole filler as a chunk.
var chunkOfFiller = chunkOf(filler)

func (u *upload) piece(n int) []byte {
	switch {
	case !u.chunked:
		return filler[:n]
	case n == len(filler):
		return chunkOfFiller
	}
	return chunkOf(filler[:n])
}

func chunkOf(p []byte) []byte { return fmt.Appendf(nil, "%x\r\n%s\r\n", len(p), p) }
