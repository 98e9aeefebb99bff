package quarttest_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

// TestMalformedResponses: the client is as strict as the worst proxy in between.
func TestMalformedResponses(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := []struct {
		name, answer, want string // want is in the error; "" for none
	}{
		{"sized", ok + "Content-Length: 2\r\n\r\nhi", ""},
		{"until close", ok + "Connection: close\r\n\r\nhi", ""},
		{"chunked", ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\nX-Sum: 7\r\n\r\n", ""},
		{"after early hints", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi", ""},
		{"nothing", "", "no response: EOF"},
		{"cut in the status line", "HTTP/1.1 20", "no response: unexpected EOF"},
		{"no status", "hello\r\n\r\n", "malformed status line"},
		{"cut in the header", ok + "A: b\r\n", "header: EOF"},
		{"bare LF", ok + "A: b\n\r\n", "line without CR"},
		{"space in a name", ok + "A b: c\r\n\r\n", "malformed line"},
		{"cut in the body", ok + "Content-Length: 3\r\n\r\nhi", "unexpected EOF"},
		{"two lengths", ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", "2 lines of Content-Length"},
		{"bad length", ok + "Content-Length: +2\r\n\r\nhi", "Content-Length \"+2\""},
		{"length and chunked", ok + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "both"},
		{"no last chunk", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", "unexpected EOF"},
		{"long chunk", ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nhi\r\n0\r\n\r\n", "chunk does not end"},
		{"bad chunk size", ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n", "malformed chunk size"},
		{"too long", ok + "Content-Length: 1\r\n\r\nhi", "1 bytes after the end of the response: \"i\""},
		{"too long and closed", ok + "Connection: close\r\nContent-Length: 1\r\n\r\nhi", "1 bytes after the end of the response: \"i\""},
		{"body of a 204", "HTTP/1.1 204 No Content\r\n\r\nhi", "2 bytes after the end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := newApp(t)
			app.Get("/", func(c *quart.Ctx) error {
				c.Fast().HijackSetNoResponse(true)
				c.Fast().Hijack(func(conn net.Conn) { _, _ = io.WriteString(conn, tt.answer) })
				return nil
			})
			resp, err := quarttest.New(t, app, quarttest.HTTP1).Get("/").Try()
			switch {
			case tt.want == "" && (err != nil || resp.Text() != "hi"):
				t.Errorf("%+v, %v", resp, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if tt.name == "chunked" && resp.Trailer("x-sum") != "7" {
				t.Errorf("trailer %q", resp.Trailer("X-Sum"))
			}
		})
	}
}
