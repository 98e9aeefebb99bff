//go:build !race && !quartdebug

package quart_test

import (
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/goquart/quart"
	"golang.org/x/net/http2/hpack"
)

// frames2 is a connection of HTTP/2 whose client allocates nothing per request.
type frames2 struct {
	t    *testing.T
	nc   net.Conn
	id   uint32
	head [9]byte
	body [64 << 10]byte
}

func dialFrames(t *testing.T, addr string) *frames2 {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	if _, err := io.WriteString(nc, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"+"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x40\x00\x00\x00"); err != nil {
		t.Fatal(err)
	}
	return &frames2{t: t, nc: nc, id: 1}
}

// do sends frames, whose stream is set, and reads to the end of the response.
func (f *frames2) do(request []byte) {
	for at := 0; at < len(request); {
		n := int(request[at])<<16 | int(request[at+1])<<8 | int(request[at+2])
		binary.BigEndian.PutUint32(request[at+5:], f.id)
		at += 9 + n
	}
	if _, err := f.nc.Write(request); err != nil {
		f.t.Fatal(err)
	}
	for !f.read() {
	}
	f.id += 2
}

func (f *frames2) read() (end bool) {
	if _, err := io.ReadFull(f.nc, f.head[:]); err != nil {
		f.t.Fatal(err)
	}
	n := int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2])
	if _, err := io.ReadFull(f.nc, f.body[:n]); err != nil {
		f.t.Fatal(err)
	}
	if f.head[3] == 3 || f.head[3] == 7 {
		f.t.Fatalf("frame %d: %x", f.head[3], f.body[:n])
	}
	return f.head[3] <= 1 && f.head[4]&1 != 0 && binary.BigEndian.Uint32(f.head[5:]) == f.id
}

// request2 encodes a request without use of the dynamic table, so that it can be sent again.
func request2(body string, fields ...string) []byte {
	var block []byte
	for i := 0; i < len(fields); i += 2 {
		block = append(block, 0, byte(len(fields[i])))
		block = append(block, fields[i]...)
		block = append(block, byte(len(fields[i+1])))
		block = append(block, fields[i+1]...)
	}
	flags := byte(4)
	if body == "" {
		flags = 5
	}
	b := append([]byte{0, byte(len(block) >> 8), byte(len(block)), 1, flags, 0, 0, 0, 0}, block...)
	if body != "" {
		b = append(append(b, 0, byte(len(body)>>8), byte(len(body)), 0, 1, 0, 0, 0, 0), body...)
	}
	return b
}

// TestZeroAllocsHTTP2: a request over HTTP/2 costs no allocation, from its frames to those of the answer.
func TestZeroAllocsHTTP2(t *testing.T) {
	if _, err := hpack.NewDecoder(4096, nil).DecodeFull(request2("", ":method", "GET")[9:]); err != nil {
		t.Fatal(err) // the requests below are encoded well
	}
	app, _ := newApp(quart.Config{H2C: true})
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "hello") })
	app.Get("/films/{id:int}", func(c *quart.Ctx) error { return c.Text(200, c.Param("id")) })
	app.Post("/echo", func(c *quart.Ctx) error {
		b, err := c.Body()
		if err != nil {
			return err
		}
		return c.Bytes(200, "application/octet-stream", b)
	})
	f := dialFrames(t, serve(t, app).addr)
	for _, tt := range []struct {
		name    string
		request []byte
	}{
		{"static", request2("", ":method", "GET", ":scheme", "http", ":authority", "a.example", ":path", "/")},
		{"parameter", request2("", ":method", "GET", ":scheme", "http", ":authority", "a.example", ":path", "/films/7", "accept", "*/*", "cookie", "a=b")},
		{"body", request2("some kind of body", ":method", "POST", ":scheme", "http", ":authority", "a.example", ":path", "/echo", "content-length", "17")},
		{"404", request2("", ":method", "GET", ":scheme", "http", ":authority", "a.example", ":path", "/none")},
	} {
		if n := testing.AllocsPerRun(1000, func() { f.do(tt.request) }); n > 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}
