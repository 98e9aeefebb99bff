package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestRoutes(t *testing.T) {
	const (
		text    = "text/plain; charset=utf-8"
		jsonCT  = "application/json"
		problem = "application/problem+json"
		hello   = "Hello, World!"
		ada     = `{"name":"Ada","age":36,"tags":["a","b"]}`
		isJSON  = "Content-Type: application/json"
	)
	tests := []struct {
		method, target, body, header string
		status                       int
		ctype, want                  string // of a problem, want is not compared
	}{
		{"GET", "/plaintext", "", "", 200, text, hello},
		{"HEAD", "/plaintext", "", "", 200, text, ""},
		{"POST", "/plaintext", "ignored", "", 200, text, hello},
		{"DELETE", "/plaintext", "", "", 405, problem, ""},
		{"GET", "/json", "", "", 200, jsonCT, `{"message":"Hello, World!"}`},
		{"GET", "/users/ada", "", "", 200, text, "ada"},
		{"GET", "/users/J%C3%B6rg%20%26", "", "", 200, text, "Jörg &"},
		{"GET", "/repos/go/quart/issues/7", "", "", 200, jsonCT, `{"owner":"go","repo":"quart","number":"7"}`},
		{"GET", "/p5/1/2/3/4/five", "", "", 200, text, "five"},
		{"GET", "/mw", "", "", 200, text, hello},
		{"GET", "/nowhere", "", "", 404, problem, ""},

		{"POST", "/bind", ada, isJSON, 200, jsonCT, ada},
		{"POST", "/bind", `{"age":1}`, isJSON, 200, jsonCT, `{"name":"","age":1,"tags":[]}`},
		{"POST", "/bind", ada, "Content-Type: application/vnd.person+json; charset=utf-8", 200, jsonCT, ada},
		{"POST", "/bind", `{"name":"Ada","age":0}`, isJSON, 422, problem, ""},
		{"POST", "/bind", `{"name":"Ada","age":-1}`, isJSON, 422, problem, ""},
		{"POST", "/bind", `{"name":"Ada","age":1.5}`, isJSON, 422, problem, ""},
		{"POST", "/bind", `{"name":"Ada"}`, isJSON, 422, problem, ""},
		{"POST", "/bind", `{"name":"Ada","age":null}`, isJSON, 422, problem, ""},
		{"POST", "/bind", `[]`, isJSON, 422, problem, ""},
		{"POST", "/bind", `{"name":"Ada","age":"x"}`, isJSON, 422, problem, ""},
		{"POST", "/bind", `{"name":`, isJSON, 400, problem, ""},
		{"POST", "/bind", `{"age":1,"age":2}`, isJSON, 400, problem, ""},
		{"POST", "/bind", ada + "x", isJSON, 400, problem, ""},
		{"POST", "/bind", "", isJSON, 400, problem, ""},
		{"POST", "/bind", "{\"name\":\"\xff\",\"age\":1}", isJSON, 400, problem, ""},
		{"POST", "/bind", ada, "Content-Type: text/plain", 415, problem, ""},
		{"POST", "/bind", ada, "", 415, problem, ""},

		{"POST", "/echo", "some bytes", "Content-Type: application/x-own", 200, "application/x-own", "some bytes"},
		{"POST", "/echo", "", "Content-Type: application/x-own", 200, "application/x-own", ""},
		{"POST", "/echo", strings.Repeat("x", 1<<20), "Content-Type: a/b", 200, "a/b", strings.Repeat("x", 1<<20)},
		{"POST", "/echo", strings.Repeat("x", 1<<20+1), "Content-Type: a/b", 413, problem, ""},
		{"POST", "/upload", "no form", "Content-Type: text/plain", 415, problem, ""},
		{"POST", "/upload", "no form", "Content-Type: multipart/form-data; boundary=x", 400, problem, ""},

		{"GET", "/panic", "", "", 500, problem, ""},
		{"GET", "/slow?ms=5", "", "", 200, text, "slow"},
		{"GET", "/slow", "", "", 200, text, "slow"},
		{"GET", "/gone", "", "", 200, text, "0"},
		{"GET", "/redirect?to=/json", "", "", 302, "", ""},
		{"GET", "/redirect?to=/a%0d%0aX:%20y", "", "", 400, problem, ""},
		{"GET", "/redirect?to=/a%00", "", "", 400, problem, ""},
		{"GET", "/header?v=a%20b", "", "", 204, "", ""},
		{"GET", "/header?v=a%0d%0aX-Bad:%20y", "", "", 400, problem, ""},
		{"GET", "/header?v=a%0a", "", "", 400, problem, ""},
		{"GET", "/header?v=a%00", "", "", 400, problem, ""},
	}
	overProtocols(t, func(t *testing.T, p *process) {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s %s %.30s", tt.method, tt.target, tt.body), func(t *testing.T) {
				var header []string
				if tt.header != "" {
					header = append(header, tt.header)
				}
				got := p.do(tt.method, tt.target, tt.body, header...)
				if got.StatusCode != tt.status || got.Header.Get("Content-Type") != tt.ctype {
					t.Fatalf("%d %q, want %d %q: %.200q", got.StatusCode, got.Header.Get("Content-Type"), tt.status, tt.ctype, got.text)
				}
				if tt.ctype != problem && got.text != tt.want {
					t.Errorf("%.200q, want %.200q", got.text, tt.want)
				}
				if tt.ctype == problem {
					wantProblem(t, got, tt.status)
				}
			})
		}
		if got := p.do("HEAD", "/plaintext", ""); got.ContentLength != 13 {
			t.Errorf("HEAD: Content-Length %d, want 13", got.ContentLength)
		}
		if got := p.do("GET", "/redirect?to=/json", "").Header.Get("Location"); got != "/json" {
			t.Errorf("Location %q, want /json", got)
		}
		if got := p.do("GET", "/header?v=a%20b", "").Header.Get("X-Echo"); got != "a b" {
			t.Errorf("X-Echo %q, want %q", got, "a b")
		}
		if got := p.do("DELETE", "/plaintext", "").Header.Get("Allow"); got != "GET, HEAD, OPTIONS, POST" {
			t.Errorf("Allow %q", got)
		}
	})
}

// wantProblem wants RFC 9457 and nothing of the inside.
func wantProblem(t *testing.T, got answer, status int) {
	t.Helper()
	if got.Request.Method == "HEAD" {
		return
	}
	var problem struct {
		Title  string
		Status int
	}
	if err := json.Unmarshal([]byte(got.text), &problem); err != nil || problem.Status != status || problem.Title == "" {
		t.Errorf("%q is no problem of status %d (%v)", got.text, status, err)
	}
	for _, secret := range []string{"boom", "goroutine", ".go", "X-Bad"} {
		if strings.Contains(got.text, secret) {
			t.Errorf("the problem shows %q: %s", secret, got.text)
		}
	}
	if got.Header.Get("X-Bad") != "" || got.Header.Get("X") != "" {
		t.Errorf("a header was injected: %v", got.Header)
	}
}

func TestRoutesToCome(t *testing.T) {
	overProtocols(t, func(t *testing.T, p *process) {
		for _, target := range []string{
			"GET /session/set?v=1", "GET /session/get", "GET /form", "POST /form",
			"GET /debug/dashboard",
		} {
			method, path, _ := strings.Cut(target, " ")
			got := p.do(method, path, "")
			if got.StatusCode != 501 {
				t.Errorf("%s: %d, want 501", target, got.StatusCode)
				continue
			}
			wantProblem(t, got, 501)
		}
	})
}

// TestBindProblem: all that is wrong with a body is in one problem, by its place.
func TestBindProblem(t *testing.T) {
	overProtocols(t, func(t *testing.T, p *process) {
		got := p.do("POST", "/bind", `{"name":1,"age":-5,"tags":["a",2]}`, "Content-Type: application/json")
		wantProblem(t, got, 422)
		var problem struct {
			Errors []struct{ Location, Pointer, Detail string }
		}
		if err := json.Unmarshal([]byte(got.text), &problem); err != nil {
			t.Fatal(err)
		}
		var places []string
		for _, e := range problem.Errors {
			places = append(places, e.Location+e.Pointer)
		}
		slices.Sort(places)
		if want := []string{"body/age", "body/name", "body/tags/1"}; !slices.Equal(places, want) {
			t.Errorf("%v, want %v: %s", places, want, got.text)
		}
	})
}

// TestDocument: the document has the routes with types, and no others.
func TestDocument(t *testing.T) {
	overProtocols(t, func(t *testing.T, p *process) {
		got := p.do("GET", "/openapi.json", "")
		var doc struct {
			OpenAPI string
			Paths   map[string]map[string]struct {
				Parameters []struct{ Name, In string }
				Responses  map[string]any
			}
			Components struct {
				Schemas map[string]struct{ Properties map[string]map[string]any }
			}
		}
		if err := json.Unmarshal([]byte(got.text), &doc); err != nil {
			t.Fatalf("%d: %v", got.StatusCode, err)
		}
		if !strings.HasPrefix(doc.OpenAPI, "3.1.") || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("OpenAPI %q of type %q", doc.OpenAPI, got.Header.Get("Content-Type"))
		}
		var routes []string
		for path, methods := range doc.Paths {
			for method := range methods {
				routes = append(routes, method+" "+path)
			}
		}
		slices.Sort(routes)
		want := []string{"get /json", "get /repos/{owner}/{repo}/issues/{number}", "get /users/{user}", "post /bind"}
		if !slices.Equal(routes, want) {
			t.Errorf("documented are %v, want %v", routes, want)
		}
		bind := doc.Paths["/bind"]["post"]
		for _, status := range []string{"200", "400", "415", "422"} {
			if bind.Responses[status] == nil {
				t.Errorf("/bind lacks the answer %s: %v", status, bind.Responses)
			}
		}
		if len(doc.Paths["/users/{user}"]["get"].Parameters) != 1 {
			t.Error("/users/{user} lacks its parameter")
		}
		if n := strings.Count(got.text, `"exclusiveMinimum"`); n == 0 {
			t.Error("the rule of age is not in the document")
		}
		if again := p.do("GET", "/openapi.json", "", "If-None-Match: "+got.Header.Get("ETag")); again.StatusCode != 304 {
			t.Errorf("once more: %d, want 304", again.StatusCode)
		}
	})
}

// TestDocsPage: the page and all that it loads come from this server.
func TestDocsPage(t *testing.T) {
	overProtocols(t, func(t *testing.T, p *process) {
		page := p.do("GET", "/docs", "")
		if page.StatusCode != 200 || page.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Fatalf("%d %q", page.StatusCode, page.Header.Get("Content-Type"))
		}
		if strings.Contains(page.text, "//") {
			t.Errorf("the page names another server: %s", page.text)
		}
		assets := regexp.MustCompile(`(?:src|href)="\./([^"]+\.(?:js|css))"`).FindAllStringSubmatch(page.text, -1)
		if len(assets) < 3 {
			t.Errorf("the page loads %d files: %s", len(assets), page.text)
		}
		for _, asset := range assets {
			if got := p.do("GET", "/"+asset[1], ""); got.StatusCode != 200 || got.text == "" {
				t.Errorf("%s: %d, %d bytes", asset[1], got.StatusCode, len(got.text))
			}
		}
	})
}

func TestGitHubTable(t *testing.T) {
	overProtocols(t, func(t *testing.T, p *process) {
		parameter := regexp.MustCompile(`\{\w+\}`)
		routes := 0
		for line := range strings.Lines(gitHubRoutes) {
			methods, pattern, ok := strings.Cut(strings.TrimSpace(line), " ")
			if !ok || strings.HasPrefix(line, "#") {
				continue
			}
			target := parameter.ReplaceAllString(pattern, "v7")
			for method := range strings.SplitSeq(methods, ",") {
				routes++
				want := ""
				switch {
				case method == "GET" && pattern == "/users/{user}":
					want = "v7"
				case method == "GET" && pattern == "/repos/{owner}/{repo}/issues/{number}":
					want = `{"owner":"v7","repo":"v7","number":"v7"}`
				}
				if got := p.do(method, target, ""); got.StatusCode != 200 || got.text != want {
					t.Errorf("%s %s: %d %q, want 200 %q", method, pattern, got.StatusCode, got.text, want)
				}
			}
		}
		if routes != 203 {
			t.Errorf("the table has %d routes, want 203", routes)
		}
	})
}

func TestFortunes(t *testing.T) {
	overProtocols(t, func(t *testing.T, p *process) {
		row := regexp.MustCompile(`<tr><td>(\d+)</td><td>(.*?)</td></tr>`)
		for range 2 { // the second request does not see the first one's row
			got := p.do("GET", "/fortunes", "")
			if got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("Content-Type %q", got.Header.Get("Content-Type"))
			}
			rows := row.FindAllStringSubmatch(got.text, -1)
			if len(rows) != 13 {
				t.Fatalf("%d rows, want 13: %s", len(rows), got.text)
			}
			unescape := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#39;", "'", "&amp;", "&")
			if !slices.IsSortedFunc(rows, func(a, b []string) int { return strings.Compare(unescape.Replace(a[2]), unescape.Replace(b[2])) }) {
				t.Errorf("the rows are not sorted: %s", got.text)
			}
			if strings.Contains(got.text, "<script>") || !strings.Contains(got.text, "&lt;script&gt;") || !strings.Contains(got.text, "フレームワーク") {
				t.Errorf("the rows are not escaped: %s", got.text)
			}
		}
	})
}

func TestUploadStreams(t *testing.T) {
	overProtocols(t, func(t *testing.T, p *process) {
		upload := func(sizes ...int) string {
			r, w := io.Pipe()
			form := multipart.NewWriter(w)
			go func() {
				_ = form.WriteField("note", "no file, so it does not count")
				for i, size := range sizes {
					part, err := form.CreateFormFile("file", fmt.Sprint("f", i))
					if err == nil {
						_, err = io.CopyN(part, zeros{}, int64(size))
					}
					if err != nil {
						w.CloseWithError(err)
						return
					}
				}
				w.CloseWithError(form.Close())
			}()
			resp, err := p.client.Post(p.base+"/upload", form.FormDataContentType(), r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		if got := upload(); got != "0" {
			t.Errorf("no file: %q, want 0", got)
		}
		if got := upload(10, 0, 5); got != "15" {
			t.Errorf("three files: %q, want 15", got)
		}
		before, ok := p.peakMemory()
		const large = 200 << 20
		if got := upload(large, 1); got != strconv.Itoa(large+1) {
			t.Errorf("200 MiB and a byte: %q, want %d", got, large+1)
		}
		if after, _ := p.peakMemory(); ok && after-before > 32<<10 {
			t.Errorf("200 MiB took %d KiB of memory", after-before)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// peakMemory is the most memory that the server has had so far, in KiB, where the system tells.
func (p *process) peakMemory() (kib int, ok bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, false
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		return 0, false
	}
	kib, err = strconv.Atoi(string(m[1]))
	return kib, err == nil
}

func TestTLS(t *testing.T) {
	p := start(t, 2, "-addr", "127.0.0.1:0", "-tls-addr", "127.0.0.1:0")
	for _, offer := range [][]string{nil, {"http/1.1"}, {"h2", "http/1.1"}} {
		c, err := tls.Dial("tcp", p.addrs[1], &tls.Config{InsecureSkipVerify: true, NextProtos: offer})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		state := c.ConnectionState()
		if offer != nil && state.NegotiatedProtocol != offer[0] {
			t.Errorf("ALPN chose %q of %q, want %q", state.NegotiatedProtocol, offer, offer[0])
		}
		for _, host := range []string{"localhost", "127.0.0.1"} {
			if err := state.PeerCertificates[0].VerifyHostname(host); err != nil {
				t.Error(err)
			}
		}
		if state.NegotiatedProtocol != "h2" {
			wantHello(t, c)
		}
	}
	p.do("GET", "/plaintext", "") // the plain listener beside it
}

func wantHello(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.WriteString(c, "GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || string(body) != "Hello, World!" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
}

func TestTLSOwnCertificate(t *testing.T) {
	cert, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	certFile, keyFile := write("c.pem", "CERTIFICATE", cert.Certificate[0]), write("k.pem", "PRIVATE KEY", der)
	p := start(t, 2, "-addr", "127.0.0.1:0", "-tls-addr", "127.0.0.1:0", "-cert", certFile, "-key", keyFile)
	roots := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(parsed)
	c, err := tls.Dial("tcp", p.addrs[1], &tls.Config{RootCAs: roots, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wantHello(t, c)
}

func TestReusePort(t *testing.T) {
	if reusePort("", "", failingConn{}) != errProbe {
		t.Skip("no SO_REUSEPORT here")
	}
	first := start(t, 1, "-addr", "127.0.0.1:0", "-reuseport")
	second := start(t, 1, "-addr", first.addrs[0], "-reuseport")
	if second.addrs[0] != first.addrs[0] {
		t.Errorf("the second listens on %s, want %s", second.addrs[0], first.addrs[0])
	}
	first.do("GET", "/plaintext", "")
}

var errProbe = io.ErrNoProgress

// failingConn tells a reusePort that tries from one that refuses.
type failingConn struct{}

func (failingConn) Control(func(uintptr)) error           { return errProbe }
func (failingConn) Read(func(uintptr) (done bool)) error  { return errProbe }
func (failingConn) Write(func(uintptr) (done bool)) error { return errProbe }
