package quart_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

type contractPerson struct {
	Name string `json:"name"`
	Age  int    `json:"age"`
}

func (p contractPerson) Validate() error {
	if p.Age <= 0 {
		return quart.Problems(quart.FieldError{Pointer: "/age", Detail: "must be over 0"})
	}
	return nil
}

func TestContractBodies(t *testing.T) {
	contract(t, quart.Config{}, func(app *quart.App) {
		quart.Post(app, "/typed", func(_ *quart.Ctx, p contractPerson) (contractPerson, error) { return p, nil })
		app.Post("/form", func(c *quart.Ctx) error { return c.Text(200, c.Form("a")+"|"+c.Form("b")) })
		app.Post("/files", func(c *quart.Ctx) error {
			var got []string
			for part, err := range c.Parts() {
				if err != nil {
					return err
				}
				n, err := io.Copy(io.Discard, part)
				if err != nil {
					return err
				}
				got = append(got, fmt.Sprintf("%s,%s,%d", part.Name, part.FileName, n))
			}
			return c.Text(200, strings.Join(got, " "))
		}).BodyLimit(-1)
		app.Post("/sum", func(c *quart.Ctx) error {
			sum := sha256.New()
			n, err := io.Copy(sum, c.BodyReader())
			if err != nil {
				return err
			}
			return c.Text(200, fmt.Sprintf("%d %x", n, sum.Sum(nil)))
		}).BodyLimit(-1)
		app.Post("/unread", func(c *quart.Ctx) error { return c.NoContent() })
		app.Post("/echo", func(c *quart.Ctx) error {
			body, err := c.Body()
			if err != nil {
				return err
			}
			return c.Bytes(200, c.Header("Content-Type"), body)
		}).BodyLimit(-1)
	}, func(t *testing.T, cl *quarttest.Client) {
		large := bytes.Repeat([]byte("0123456789abcdef"), 1<<17)
		sum := fmt.Sprintf("%d %x", len(large), sha256.Sum256(large))
		for name, tt := range map[string]struct {
			req    *quarttest.Request
			status int
			want   string
		}{
			"typed":           {cl.Post("/typed").JSON(contractPerson{"Ada", 36}), 200, `{"name":"Ada","age":36}`},
			"invalid":         {cl.Post("/typed").JSON(contractPerson{"Ada", 0}), 422, ""},
			"wrong type":      {cl.Post("/typed").Body("application/json", []byte(`{"age":"x"}`)), 422, ""},
			"no JSON":         {cl.Post("/typed").Body("application/json", []byte(`{"age":`)), 400, ""},
			"duplicate key":   {cl.Post("/typed").Body("application/json", []byte(`{"age":1,"age":2}`)), 400, ""},
			"nothing":         {cl.Post("/typed").Body("application/json", nil), 400, ""},
			"media type":      {cl.Post("/typed").Body("text/plain", []byte(`{}`)), 415, ""},
			"form":            {cl.Post("/form").Form("a", "1 &", "b", "ä"), 200, "1 &|ä"},
			"files":           {cl.Post("/files").Form("a", "1").File("f", "x.bin", "", large).File("g", "y.txt", "text/plain", nil), 200, fmt.Sprintf("a,,1 f,x.bin,%d g,y.txt,0", len(large))},
			"no form":         {cl.Post("/files").Body("text/plain", []byte("x")), 415, ""},
			"streamed":        {cl.Post("/sum").Body("a/b", large), 200, sum},
			"of no size":      {cl.Post("/sum").Header("Transfer-Encoding", "chunked").Body("", []byte(fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(large), large))), 200, sum},
			"unread":          {cl.Post("/unread").Body("a/b", []byte("x")), 204, ""},
			"there and back":  {cl.Post("/echo").Body("a/b", large), 200, string(large)},
			"nothing to echo": {cl.Post("/echo").Body("a/b", nil), 200, ""},
		} {
			resp := tt.req.Send()
			if tt.status >= 400 {
				wantProblem(t, name, resp, tt.status)
			} else if resp.Status != tt.status || resp.Text() != tt.want {
				t.Errorf("%s: %d %.100q, want %d %.100q", name, resp.Status, resp.Text(), tt.status, tt.want)
			}
		}
	})
}

func TestContractFiles(t *testing.T) {
	files := fstest.MapFS{
		"a.txt":     {Data: []byte("0123456789"), ModTime: time.Unix(1e9, 0)},
		"large.bin": {Data: bytes.Repeat([]byte("x"), 3<<20), ModTime: time.Unix(1e9, 0)},
	}
	contract(t, quart.Config{}, func(app *quart.App) { app.Static("/static", files) }, func(t *testing.T, cl *quarttest.Client) {
		resp := cl.Get("/static/a.txt").Want(200)
		if resp.Text() != "0123456789" || resp.Header("Content-Type") != "text/plain; charset=utf-8" || resp.Header("Last-Modified") == "" {
			t.Errorf("file: %s%q", resp.Head(), resp.Text())
		}
		if resp := cl.Get("/static/a.txt").Header("If-Modified-Since", resp.Header("Last-Modified")).Want(304); resp.Text() != "" {
			t.Errorf("304 with %q", resp.Text())
		}
		if resp := cl.Get("/static/a.txt").Header("Range", "bytes=2-4").Want(206); resp.Text() != "234" || resp.Header("Content-Range") != "bytes 2-4/10" {
			t.Errorf("range: %s%q", resp.Head(), resp.Text())
		}
		cl.Get("/static/a.txt").Header("Range", "bytes=10-").Want(416)
		if resp := cl.Head("/static/large.bin").Want(200); resp.Text() != "" || resp.Header("Content-Length") != strconv.Itoa(3<<20) {
			t.Errorf("HEAD: %s", resp.Head())
		}
		if n := len(cl.Get("/static/large.bin").Want(200).Bytes()); n != 3<<20 {
			t.Errorf("%d bytes of a large file", n)
		}
		cl.Get("/static/").Want(404)
		cl.Get("/static/%2e%2e/secret").Want(404)
	})
}
