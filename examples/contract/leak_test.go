package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestNothingMixesUp sends requests of two clients, interleaved, over keep-alive connections. Each request carries its
// client's marker and a number, in path, query, header, cookie and body, and its answer must have exactly these.
func TestNothingMixesUp(t *testing.T) {
	const requests = 1000
	p := start(t, 1, "-addr", "127.0.0.1:0")
	var clients sync.WaitGroup
	for i, marker := range []string{"alice", "bobby"} {
		c := &leakClient{t: t, marker: marker, other: []string{"bobby", "alice"}[i], rand: rand.New(rand.NewPCG(uint64(i), 7))}
		nc, err := net.Dial("tcp", p.addrs[0])
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(60 * time.Second))
		c.conn, c.reader = nc, bufio.NewReader(nc)
		clients.Go(func() {
			for n := range requests {
				if !c.round(n) {
					return
				}
			}
		})
	}
	clients.Wait()
}

type leakClient struct {
	t             *testing.T
	marker, other string
	rand          *rand.Rand
	conn          net.Conn
	reader        *bufio.Reader
}

// leakRequest is a request and what its answer must show of it.
type leakRequest struct {
	method, target, kind, body string
	status                     int
	want                       string // the whole body; "" for that of a problem, or none
	header, value              string // a response header
}

func (c *leakClient) request(n int) leakRequest {
	m := fmt.Sprintf("%s-%d-%s", c.marker, n, strings.Repeat("x", c.rand.IntN(400)))
	q := "?q=" + m
	switch n % 12 {
	case 0:
		return leakRequest{method: "GET", target: "/users/" + m + q, status: 200, want: m}
	case 1:
		return leakRequest{method: "POST", target: "/echo" + q, kind: "text/" + m[:12], body: strings.Repeat(m, 20), status: 200, want: strings.Repeat(m, 20), header: "Content-Type", value: "text/" + m[:12]}
	case 2:
		return leakRequest{method: "GET", target: "/header?v=" + m, status: 204, header: "X-Echo", value: m}
	case 3:
		want := fmt.Sprintf(`{"owner":%q,"repo":"%d","number":%q}`, m, n, m)
		return leakRequest{method: "GET", target: fmt.Sprintf("/repos/%s/%d/issues/%s%s", m, n, m, q), status: 200, want: want}
	case 4:
		person := fmt.Sprintf(`{"name":%q,"age":%d,"tags":[%q,%q]}`, m, n, m, m+"!")
		return leakRequest{method: "POST", target: "/bind" + q, kind: "application/json", body: person, status: 200, want: person}
	case 5:
		return leakRequest{method: "POST", target: "/bind" + q, kind: "application/json", body: `{"name":"` + m + `","age":-1}`, status: 422}
	case 6:
		return leakRequest{method: "GET", target: "/redirect?to=/" + m, status: 302, header: "Location", value: "/" + m}
	case 7:
		return leakRequest{method: "GET", target: "/p5/a/b/c/" + m + "/" + m + q, status: 200, want: m}
	case 8:
		return leakRequest{method: "GET", target: "/nowhere/" + m + q, status: 404}
	case 9:
		return leakRequest{method: "GET", target: "/panic" + q, status: 500}
	case 10:
		return c.upload(n, m)
	default:
		return leakRequest{method: "DELETE", target: "/json" + q, status: 405, header: "Allow", value: "GET, HEAD, OPTIONS"}
	}
}

func (c *leakClient) upload(n int, m string) leakRequest {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField(m, m)
	part, err := form.CreateFormFile("file", m)
	if err != nil {
		c.t.Error(err)
	}
	_, _ = io.WriteString(part, strings.Repeat("y", n))
	_ = form.Close()
	return leakRequest{method: "POST", target: "/upload?q=" + m, kind: form.FormDataContentType(), body: body.String(), status: 200, want: fmt.Sprint(n)}
}

// round sends one request and checks its answer.
func (c *leakClient) round(n int) bool {
	r := c.request(n)
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s.example\r\nX-Marker: %s-%d\r\nCookie: m=%s-%d\r\nUser-Agent: %s\r\n", r.method, r.target, c.marker, c.marker, n, c.marker, n, c.marker)
	if r.kind != "" {
		head += fmt.Sprintf("Content-Type: %s\r\nContent-Length: %d\r\n", r.kind, len(r.body))
	}
	if _, err := io.WriteString(c.conn, head+"\r\n"+r.body); err != nil {
		c.t.Errorf("%s %d: %v", c.marker, n, err)
		return false
	}
	resp, err := http.ReadResponse(c.reader, &http.Request{Method: r.method})
	if err != nil {
		c.t.Errorf("%s %d: %v", c.marker, n, err)
		return false
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != r.status || r.want != "" && string(body) != r.want {
		c.t.Errorf("%s %d: %s %.60s: %d %.200q (%v), want %d %.200q", c.marker, n, r.method, r.target, resp.StatusCode, body, err, r.status, r.want)
		return false
	}
	if r.header != "" && resp.Header.Get(r.header) != r.value {
		c.t.Errorf("%s %d: %s is %q, want %q", c.marker, n, r.header, resp.Header.Get(r.header), r.value)
		return false
	}
	return c.clean(n, r, resp.Header, string(body))
}

// clean wants nothing in the answer that the request does not explain.
func (c *leakClient) clean(n int, r leakRequest, header http.Header, body string) bool {
	all := fmt.Sprint(header, body)
	if strings.Contains(all, c.other) {
		c.t.Errorf("%s %d: the answer has the other client's marker: %s", c.marker, n, all)
		return false
	}
	if r.want == "" && r.value == "" && strings.Contains(all, c.marker) {
		c.t.Errorf("%s %d: an error shows what came in: %s", c.marker, n, all)
		return false
	}
	for name := range header {
		switch name {
		case "Content-Type", "Content-Length", "Date", "X-Content-Type-Options", r.header:
		default:
			c.t.Errorf("%s %d: a header %s: %q of another answer", c.marker, n, name, header[name])
			return false
		}
	}
	return true
}
