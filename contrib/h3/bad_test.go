package h3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/goquart/quart/contrib/h3"
	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
)

// rawConn speaks QUIC, and what it likes on it.
type rawConn struct{ *quic.Conn }

func dialRaw(t *testing.T, s *site) rawConn {
	t.Helper()
	conf := clientTLS()
	conf.NextProtos = []string{http3.NextProtoH3}
	c, err := quic.DialAddr(t.Context(), strings.TrimPrefix(s.h3, "https://"), conf, &quic.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseWithError(0, "") })
	return rawConn{c}
}

// frame is an HTTP/3 frame (RFC 9114, section 7.1).
func frame(kind uint64, payload []byte) []byte {
	b := quicvarint.Append(nil, kind)
	return append(quicvarint.Append(b, uint64(len(payload))), payload...)
}

func headers(fields ...string) []byte {
	var b bytes.Buffer
	enc := qpack.NewEncoder(&b)
	for i := 0; i < len(fields); i += 2 {
		_ = enc.WriteField(qpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return frame(1, b.Bytes())
}

// ask sends bytes on a new stream and returns the status of the answer, or how the stream or the connection failed.
func (c rawConn) ask(t *testing.T, bytes []byte) (status string, err error) {
	t.Helper()
	str, err := c.OpenStreamSync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := str.Write(bytes); err != nil {
		return "", err
	}
	_ = str.Close()
	r := quicvarint.NewReader(str)
	kind, err := quicvarint.Read(r)
	if err != nil {
		return "", err
	}
	n, err := quicvarint.Read(r)
	if err != nil || kind != 1 {
		return "", fmt.Errorf("frame %d: %w", kind, err)
	}
	block := make([]byte, n)
	if _, err := io.ReadFull(r, block); err != nil {
		return "", err
	}
	next := qpack.NewDecoder().Decode(block)
	field, err := next()
	return field.Value, err
}

func request(extra ...string) []byte {
	return headers(append([]string{":method", "GET", ":scheme", "https", ":authority", "localhost", ":path", "/"}, extra...)...)
}

func many(n int) (fields []string) {
	for i := range n {
		fields = append(fields, fmt.Sprint("x-", i), "")
	}
	return fields
}

// TestBadRequests: each is answered or its stream reset, and the next request of the connection is served.
func TestBadRequests(t *testing.T) {
	s := serve(t, h3.Config{}, kinds)
	target := func(path string) []byte {
		return headers(":method", "GET", ":scheme", "https", ":authority", "localhost", ":path", path)
	}
	host := func(name string) []byte {
		return headers(":method", "GET", ":scheme", "https", ":authority", name, ":path", "/")
	}
	reset := func(code http3.ErrCode) string { return fmt.Sprintf("reset %#x", uint64(code)) }
	for _, tt := range []struct {
		name string
		send []byte
		want string
	}{
		{"good", request(), "200"},
		{"100 fields", request(many(100)...), "200"},
		{"101 fields", request(many(101)...), "431"},
		{"head over 16 KiB", request("x-long", strings.Repeat("x", 16<<10)), "431"},
		{"host with a slash", host("a/b"), "400"},
		{"host with a space", host("a b"), "400"},
		{"host of 256 bytes", host(strings.Repeat("a", 256)), "400"},
		{"userinfo", host("a@b"), reset(http3.ErrCodeMessageError)},
		{"no authority", headers(":method", "GET", ":scheme", "https", ":path", "/"), reset(http3.ErrCodeMessageError)},
		{"no path", headers(":method", "GET", ":scheme", "https", ":authority", "a"), reset(http3.ErrCodeMessageError)},
		{"absolute path", target("http://other/"), reset(http3.ErrCodeMessageError)},
		{"two slashes", target("//other.example/x"), "404"},
		{"space in the path", target("/a b"), "400"},
		{"number sign in the path", target("/a#b"), "400"},
		{"half an escape", target("/a%2"), reset(http3.ErrCodeMessageError)},
		{"control byte in the path", target("/a\x01"), reset(http3.ErrCodeMessageError)},
		{"upper case", request("X-Up", "1"), reset(http3.ErrCodeMessageError)},
		{"connection", request("connection", "close"), reset(http3.ErrCodeMessageError)},
		{"transfer-encoding", request("transfer-encoding", "chunked"), reset(http3.ErrCodeMessageError)},
		{"line break in a value", request("x-a", "a\r\nb: c"), reset(http3.ErrCodeMessageError)},
		{"pseudo-field behind a field", request("x-a", "1", ":path", "/x"), reset(http3.ErrCodeMessageError)},
		{"two lengths", request("content-length", "1", "content-length", "2"), reset(http3.ErrCodeMessageError)},
		{"extended CONNECT", headers(":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "a", ":path", "/ws"), "501"},
		{"CONNECT", headers(":method", "CONNECT", ":authority", "a:1"), "501"},
		{"less body than declared", append(headers(":method", "POST", ":scheme", "https", ":authority", "a", ":path", "/echo", "content-length", "9"),
			frame(0, []byte("few"))...), "400"},
		{"nothing but empty frames", append(headers(":method", "POST", ":scheme", "https", ":authority", "a", ":path", "/echo"),
			bytes.Repeat(frame(0, nil), 1000)...), "400"},
		{"100-continue", append(headers(":method", "POST", ":scheme", "https", ":authority", "a", ":path", "/echo", "expect", "100-continue"),
			frame(0, []byte("body"))...), "100"},
		{"100-continue that nobody reads", headers(":method", "POST", ":scheme", "https", ":authority", "a", ":path", "/nowhere", "expect", "100-continue"), "404"},
		{"half a head", request()[:9], reset(http3.ErrCodeRequestIncomplete)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dialRaw(t, s)
			got, err := c.ask(t, tt.send)
			if str := (*quic.StreamError)(nil); errors.As(err, &str) {
				got = reset(http3.ErrCode(str.ErrorCode))
			} else if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if status, err := c.ask(t, request()); status != "200" {
				t.Errorf("the next request: %s, %v", status, err)
			}
		})
	}
	if resp, body := s.get(t, "/"); resp.StatusCode != http.StatusOK {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
}
