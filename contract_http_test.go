package quart_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

// TestContractOfHTTP1: what only HTTP/1.1 has, and what is left of it over HTTP/2. The listeners of all three speak it.
func TestContractOfHTTP1(t *testing.T) {
	contract(t, quart.Config{}, func(app *quart.App) {
		app.Get("/", func(c *quart.Ctx) error { return c.Text(200, c.Protocol()) })
		app.Get("/close", func(c *quart.Ctx) error {
			c.Fast().SetConnectionClose()
			return c.Text(200, c.Fast().RemoteAddr().String())
		})
		app.Get("/stream", func(c *quart.Ctx) error {
			return c.Stream("a/b", func(w *quart.StreamWriter) error {
				_, err := w.WriteString("x")
				return err
			})
		})
		app.Get("/hop", func(c *quart.Ctx) error {
			c.SetHeader("Keep-Alive", "timeout=5")
			c.SetHeader("X-A", "b")
			return c.Text(200, c.Header("Connection")+c.Header("Upgrade")+c.Header("Transfer-Encoding"))
		})
	}, func(t *testing.T, cl *quarttest.Client) {
		const closing = "Host: a\r\nConnection: close\r\n\r\n"
		for request, want := range map[string]string{
			"GET / HTTP/1.1\r\n" + closing:                                                    "HTTP/1.1 200 OK\r\n",
			"GET / HTTP/1.0\r\nHost: a\r\n\r\n":                                               "\r\n\r\nHTTP/1.0",
			"GET /stream HTTP/1.1\r\n" + closing:                                              "1\r\nx\r\n0\r\n\r\n",
			"GET /stream HTTP/1.0\r\nHost: a\r\n\r\n":                                         "\r\n\r\nx",
			"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n" + closing:                   "HTTP/1.1HTTP/1.1 200 OK",
			"GET / HTTP/2.0\r\n" + closing:                                                    "HTTP/1.1 400 ",
			"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n" + closing: "HTTP/1.1 400 ",
		} {
			if got := cl.Raw(request); !strings.Contains(got, want) {
				t.Errorf("%q is answered %q, want %q", request, got, want)
			}
		}

		first := cl.Get("/close").Want(200)
		if again := cl.Get("/close").Want(200); cl.Protocol() == quarttest.HTTP1 && (first.Header("Connection") != "close" || again.Text() == first.Text()) {
			t.Errorf("HTTP/1.1: %sfrom %s, then from %s", first.Head(), first.Text(), again.Text())
		}
		resp := cl.Get("/hop").Header("Connection", "close").Want(200)
		if cl.Protocol() == quarttest.HTTP1 {
			if resp.Text() != "close" || resp.Header("Connection") != "close" {
				t.Errorf("HTTP/1.1: %s%q", resp.Head(), resp.Text())
			}
		} else if resp.Text() != "" || resp.HasHeader("Connection") || resp.HasHeader("Keep-Alive") || resp.Header("X-A") != "b" { // the client takes none of them either
			t.Errorf("HTTP/2: %s%q", resp.Head(), resp.Text())
		}
	})
}

// TestContractOfHTTP2: what HTTP/2 says otherwise.
func TestContractOfHTTP2(t *testing.T) {
	contract(t, quart.Config{}, func(app *quart.App) {
		app.Get("/", func(c *quart.Ctx) error { return c.Text(200, c.Host()+" "+c.Fast().RemoteAddr().String()) })
	}, func(t *testing.T, cl *quarttest.Client) {
		for _, host := range []string{"user@localhost", "a b"} { // a malformed :authority may be answered, or the stream reset (RFC 9113, section 8.1.1)
			resp, err := cl.Get("/").Header("Host", host).Try()
			switch {
			case err == nil && resp.Status == 400:
			case err != nil && cl.Protocol() != quarttest.HTTP1 && strings.Contains(err.Error(), "PROTOCOL_ERROR"):
			default:
				t.Errorf("host %q: %v, %v", host, resp, err)
			}
		}
		addresses := map[string]bool{}
		for range 3 {
			addresses[cl.Get("/").Want(200).Text()] = true
		}
		if len(addresses) != 1 && cl.Protocol() != quarttest.HTTP1 {
			t.Errorf("the requests came from %v", addresses)
		}
		if cl.Protocol() == quarttest.HTTP1 {
			return
		}
		if got := cl.Get("http://example.com/").Want(200).Text(); !strings.HasPrefix(got, "example.com ") {
			t.Errorf("authority %q", got)
		}
		for name, req := range map[string]*quarttest.Request{
			"no path":       cl.Get("relative"),
			"wrong length":  cl.Post("/").Header("Content-Length", "3").Body("", []byte("four")),
			"field name":    cl.Get("/").Header("bad name", "x"),
			"pseudo-header": cl.Get("/").Header(":path", "/x"),
		} {
			if resp, err := req.Try(); err == nil && resp.Status != 400 || err != nil && !strings.Contains(err.Error(), "PROTOCOL_ERROR") {
				t.Errorf("%s: %s", name, fmt.Sprint(resp, err))
			}
			cl.Get("/").Want(200)
		}
	})
}
