package http2_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// curlMode is a way in which curl comes to HTTP/2.
type curlMode struct {
	transport
	args []string
	post string // the version that a request with a body is made with: an upgrade is for requests without
}

var curlModes = []curlMode{
	{transport{"over TLS", true}, []string{"--http2"}, "2"},
	{transport{"with prior knowledge", false}, []string{"--http2-prior-knowledge"}, "2"},
	{transport{"by upgrade", false}, []string{"--http2"}, "1.1"},
}

// answer is what curl has received.
type answer struct {
	version, status string
	header          http.Header // of the final response
	interim         []string    // status lines of others
	body            []byte
}

// curl makes a request and fails the test if that does not end well.
func (m curlMode) curl(t *testing.T, url string, args ...string) (a answer) {
	t.Helper()
	dir := t.TempDir()
	body, head := filepath.Join(dir, "body"), filepath.Join(dir, "head")
	args = append([]string{
		"--silent", "--show-error", "--insecure", "--max-time", "60", "--output", body, "--dump-header", head,
		"--write-out", "%{http_version} %{response_code}", url,
	}, args...)
	out, err := command("curl", append(args, m.args...)...)
	if err != nil {
		t.Fatal(err)
	}
	a.version, a.status, _ = strings.Cut(out, " ")
	a.body, _ = os.ReadFile(body) // there is none where the body is empty
	text, err := os.ReadFile(head)
	if err != nil {
		t.Fatal(err)
	}
	a.readHead(string(text))
	return a
}

// readHead reads the heads of all responses, of which the last is the final one.
func (a *answer) readHead(text string) {
	for block := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n\r\n"), "\r\n\r\n") {
		a.header = http.Header{}
		status, fields, _ := strings.Cut(block, "\r\n")
		a.interim = append(a.interim, status)
		for line := range strings.SplitSeq(fields, "\r\n") {
			name, value, _ := strings.Cut(line, ":")
			a.header.Add(name, strings.TrimSpace(value))
		}
	}
	a.interim = a.interim[:len(a.interim)-1]
}

// needReuse skips a test with versions of curl that cannot use a connection with prior knowledge again: https://github.com/curl/curl/issues/10634.
func (m curlMode) needReuse(t *testing.T) {
	t.Helper()
	if version, err := command("curl", "--version"); err != nil || m.name == "with prior knowledge" && strings.HasPrefix(version, "curl 7.88.") {
		t.Skip("curl 7.88 does not use such a connection again")
	}
}

// want compares what matters of an answer.
func (a answer) want(t *testing.T, version, status string, body []byte) {
	t.Helper()
	if a.version != version || a.status != status {
		t.Errorf("HTTP/%s %s, want HTTP/%s %s", a.version, a.status, version, status)
	}
	if !bytes.Equal(a.body, body) {
		t.Errorf("a body of %s, want %s", digest(a.body), digest(body))
	}
}

// TestCurl: what curl does in each of its three ways.
func TestCurl(t *testing.T) {
	need(t, "curl")
	s := start(t)
	for _, m := range curlModes {
		t.Run(m.name, func(t *testing.T) {
			url := func(path string) string { return s.url(m.transport, path) }
			t.Run("a GET is answered", func(t *testing.T) {
				m.curl(t, url("/plaintext")).want(t, "2", "200", []byte("Hello, World!"))
			})
			t.Run("a HEAD has the length and no body", func(t *testing.T) {
				a := m.curl(t, url("/plaintext"), "--head") // its body is the head
				if got := a.header.Get("Content-Length"); a.version != "2" || a.status != "200" || got != "13" {
					t.Errorf("HTTP/%s %s, Content-Length %q", a.version, a.status, got)
				}
			})
			t.Run("an unknown path is a 404", func(t *testing.T) {
				if a := m.curl(t, url("/nowhere")); a.version != "2" || a.status != "404" {
					t.Errorf("HTTP/%s %s", a.version, a.status)
				}
			})
			t.Run("two requests share the connection", func(t *testing.T) {
				m.needReuse(t)
				out, err := command("curl", append([]string{
					"-sSk", "--write-out", "%{http_version} %{num_connects}\n",
					url("/users/ada"), url("/users/bob"), "--output", os.DevNull, "--output", os.DevNull,
				}, m.args...)...)
				if err != nil || out != "2 1\n2 0\n" {
					t.Errorf("%q, %v", out, err)
				}
			})
			t.Run("bodies", func(t *testing.T) { curlBodies(t, m, url) })
			t.Run("downloads", func(t *testing.T) { curlDownloads(t, m, url) })
			t.Run("files", func(t *testing.T) { curlFiles(t, m, url) })
			t.Run("many at once", func(t *testing.T) { curlParallel(t, m, url) })
		})
	}
}

// curlBodies are requests with a body.
func curlBodies(t *testing.T, m curlMode, url func(string) string) {
	for _, size := range []int{1, 13, 16<<10 + 1, 65_536, 1 << 20} {
		t.Run(fmt.Sprintf("%d bytes come back", size), func(t *testing.T) {
			data := noise(size)
			a := m.curl(t, url("/echo"), "--header", "Content-Type: a/b", "--data-binary", "@"+file(t, data))
			a.want(t, m.post, "200", data)
			if got := a.header.Get("Content-Type"); got != "a/b" {
				t.Errorf("Content-Type is %q", got)
			}
		})
	}
	t.Run("a body without a length comes back", func(t *testing.T) {
		data := noise(100_000)
		// A file that is a pipe has none.
		out, err := command("sh", "-c", `cat "$1" | curl -sSk --max-time 60 -T - -X POST "$2" "$3"`, "sh", file(t, data), url("/echo"), m.args[0])
		if err != nil || out != string(data) {
			t.Errorf("%s, %v", digest([]byte(out)), err)
		}
	})
	t.Run("a 413 arrives although the body was not read", func(t *testing.T) {
		a := m.curl(t, url("/echo"), "--data-binary", "@"+file(t, noise(5<<20)))
		if a.version != m.post || a.status != "413" {
			t.Errorf("HTTP/%s %s", a.version, a.status)
		}
	})
	t.Run("a 100 arrives before the body is sent", func(t *testing.T) {
		// Without the 100, curl waits for longer than it may take.
		a := m.curl(t, url("/echo"), "--header", "Expect: 100-continue", "--expect100-timeout", "300", "--data-binary", "hello")
		a.want(t, m.post, "200", []byte("hello"))
	})
	t.Run("an upload of 24 MiB is counted", func(t *testing.T) {
		a := m.curl(t, url("/upload"), "--form", "file=@"+filepath.Join(www, "large.bin"))
		a.want(t, m.post, "200", []byte(strconv.Itoa(len(large))))
	})
}

// curlDownloads are bodies larger than the windows.
func curlDownloads(t *testing.T, m curlMode, url func(string) string) {
	t.Run("a file of 24 MiB", func(t *testing.T) {
		m.curl(t, url("/static/large.bin")).want(t, "2", "200", large)
	})
	t.Run("a stream of 32 MiB", func(t *testing.T) {
		m.curl(t, url("/stream?n=512&size=65536")).want(t, "2", "200", bytes.Repeat([]byte("x"), 32<<20))
	})
	t.Run("a stream of small chunks", func(t *testing.T) {
		m.curl(t, url("/stream?n=20000&size=3")).want(t, "2", "200", bytes.Repeat([]byte("x"), 60_000))
	})
	t.Run("a stream that fails is no complete answer", func(t *testing.T) {
		if out, err := command("curl", append([]string{"-sSk", url("/fail")}, m.args...)...); err == nil {
			t.Errorf("%q, and no error", out)
		}
	})
	t.Run("a 103 comes before the answer", func(t *testing.T) {
		a := m.curl(t, url("/hints"))
		if len(a.interim) == 0 || !strings.Contains(a.interim[len(a.interim)-1], " 103") || a.status != "200" {
			t.Errorf("%q, then %s", a.interim, a.status)
		}
	})
	t.Run("events", func(t *testing.T) {
		if got := bytes.Count(m.curl(t, url("/sse?n=1000&size=100")).body, []byte("data: ")); got != 1000 {
			t.Errorf("%d events", got)
		}
	})
}

// curlFiles are conditions and ranges.
func curlFiles(t *testing.T, m curlMode, url func(string) string) {
	etag := m.curl(t, url("/static/hello.txt")).header.Get("ETag")
	if etag == "" {
		t.Fatal("no ETag")
	}
	t.Run("a condition is answered 304", func(t *testing.T) {
		m.curl(t, url("/static/hello.txt"), "--header", "If-None-Match: "+etag).want(t, "2", "304", nil)
	})
	t.Run("a range", func(t *testing.T) {
		a := m.curl(t, url("/static/hello.txt"), "--range", "1-3")
		a.want(t, "2", "206", []byte("ell"))
		if got := a.header.Get("Content-Range"); got != "bytes 1-3/5" {
			t.Errorf("Content-Range is %q", got)
		}
	})
	t.Run("a range of a large file", func(t *testing.T) {
		m.curl(t, url("/static/large.bin"), "--range", "1000000-8999999").want(t, "2", "206", large[1_000_000:9_000_000])
	})
	t.Run("a range beyond the end", func(t *testing.T) {
		if a := m.curl(t, url("/static/hello.txt"), "--range", "9-"); a.version != "2" || a.status != "416" {
			t.Errorf("HTTP/%s %s", a.version, a.status)
		}
	})
}

// curlParallel are 300 requests, 50 at a time.
func curlParallel(t *testing.T, m curlMode, url func(string) string) {
	m.needReuse(t)
	const n = 300
	dir := t.TempDir()
	out, err := command("curl", append([]string{
		"--silent", "--show-error", "--insecure", "--max-time", "60", "--parallel", "--parallel-max", "50",
		"--write-out", "%{http_version} %{response_code}\n", "--output", filepath.Join(dir, "#1"), url(fmt.Sprintf("/users/[1-%d]", n)),
	}, m.args...)...)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out, "2 200\n"); got != n {
		t.Errorf("%d of %d answers are HTTP/2 200:\n%s", got, n, out)
	}
	for i := 1; i <= n; i++ {
		want := strconv.Itoa(i)
		if got, err := os.ReadFile(filepath.Join(dir, want)); err != nil || string(got) != want {
			t.Errorf("answer %d: %q, %v", i, got, err)
		}
	}
}
