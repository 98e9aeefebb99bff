package quarttest

import (
	"bufio"
	"strings"
	"testing"
	"time"
)

// FuzzRead: whatever an app sends, a response is made of what was sent, or there is an error.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\nhi",
		"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\nhi",
		"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi",
	} {
		f.Add("GET", s)
		f.Add("HEAD", s)
	}
	f.Fuzz(func(t *testing.T, method, sent string) {
		c := &conn{r: bufio.NewReader(strings.NewReader(sent))}
		resp, err := c.readFinal()
		if err != nil || readBody(c, method, resp) != nil {
			return
		}
		if resp.Status < 101 || resp.Status > 999 || len(resp.body) > len(sent) {
			t.Errorf("status %d, body of %d bytes, from %q", resp.Status, len(resp.body), sent)
		}
		if method == "HEAD" && len(resp.body) > 0 {
			t.Errorf("HEAD with body %q", resp.body)
		}
		for _, h := range resp.header {
			if h.name == "" || strings.ContainsAny(h.name+h.value, "\n") {
				t.Errorf("header %q: %q", h.name, h.value)
			}
		}
	})
}

// FuzzCookie: a cookie that the jar takes comes back as its name and value, below its path and nowhere else.
func FuzzCookie(f *testing.F) {
	f.Add("a=b; Path=/x; Max-Age=9; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure", "/x/y")
	f.Add("a=\"b c\"; path = /; SameSite", "/")
	f.Add("=; ;;=", "")
	f.Fuzz(func(t *testing.T, line, target string) {
		ck, ok := parseCookie(line)
		if !ok || strings.Contains(line, "\n") {
			return
		}
		if ck.Name == "" || strings.ContainsAny(ck.Name, "=;") || strings.Contains(ck.Value, ";") {
			t.Fatalf("%q is %+v", line, ck)
		}
		var j jar
		j.store(target, &Response{header: []field{{"Set-Cookie", line}}})
		pair := ck.Name + "=" + ck.Value
		path := ck.Path
		if !strings.HasPrefix(path, "/") {
			path = defaultPath(target)
		}
		want := ""
		if !ck.expired(time.Now()) && !strings.Contains(path, "?") {
			want = pair
		}
		if got := j.header(path); !strings.Contains(path, "?") && got != want {
			t.Errorf("%q sends %q for %q, want %q", line, got, path, want)
		}
		if got := j.header("no path"); got != "" {
			t.Errorf("%q sends %q for no path", line, got)
		}
	})
}
