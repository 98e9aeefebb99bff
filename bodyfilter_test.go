package quart_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/goquart/quart"
)

// doubler is a filter that says every byte of the body twice.
type doubler struct {
	r      io.Reader
	out    []byte
	closed *int
}

func (d *doubler) Read(p []byte) (int, error) {
	if len(d.out) == 0 {
		var in [100]byte
		n, err := d.r.Read(in[:])
		for _, b := range in[:n] {
			d.out = append(d.out, b, b)
		}
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

func (d *doubler) Close() error {
	*d.closed++
	return nil
}

// doubling is a layer that puts a doubler in front of the body, and counts.
type doubling struct{ wrapped, closed int }

func (d *doubling) layer(next quart.Handler) quart.Handler {
	return func(c *quart.Ctx) error {
		ok := quart.FilterBody(c, func(r io.Reader) io.Reader {
			d.wrapped++
			return &doubler{r: r, closed: &d.closed}
		})
		if !ok {
			return errors.New("no filter taken")
		}
		return next(c)
	}
}

func TestFilterBody(t *testing.T) {
	var d doubling
	app, _ := newApp(quart.Config{})
	app.Use(d.layer)
	app.Post("/body", func(c *quart.Ctx) error {
		data, err := c.Body()
		if err != nil {
			return err
		}
		again, _ := c.Body()
		return c.Text(200, string(data)+"|"+string(again)+"|"+string(c.Fast().Request.Body()))
	})
	app.Post("/reader", func(c *quart.Ctx) error {
		data, err := io.ReadAll(c.BodyReader())
		if err != nil {
			return err
		}
		return c.Bytes(200, "text/plain", data)
	})
	app.Post("/form", func(c *quart.Ctx) error { return c.Text(200, c.Form("aa")) })
	app.Post("/unread", func(c *quart.Ctx) error { return c.Text(200, "not read") })
	app.Post("/twice", func(c *quart.Ctx) error {
		if quart.FilterBody(c, func(r io.Reader) io.Reader { return r }) {
			return errors.New("a second filter taken")
		}
		data, err := c.Body()
		if err != nil {
			return err
		}
		return c.Bytes(200, "text/plain", data)
	})
	quart.Post(app, "/typed", func(_ *quart.Ctx, in []int) (int, error) { return len(in), nil })
	s := serve(t, app)
	s.do("POST", "/body", "abc").want(t, 200, "aabbcc|aabbcc|aabbcc")
	s.do("POST", "/reader", "abc").want(t, 200, "aabbcc")
	s.raw("POST", "POST /reader HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n").want(t, 200, "aabbcc")
	s.do("POST", "/form", "a=12", "Content-Type: application/x-www-form-urlencoded").want(t, 200, "=1122")
	s.do("POST", "/twice", "abc").want(t, 200, "aabbcc")
	if got := s.do("POST", "/typed", "[]", "Content-Type: application/json"); got.StatusCode != 422 { // [[]]
		t.Errorf("typed: %d %s", got.StatusCode, got.body)
	}
	if d.wrapped != 6 {
		t.Errorf("wrapped %d times, want 6", d.wrapped)
	}
	s.do("POST", "/unread", "abc").want(t, 200, "not read")
	if d.wrapped != 6 || d.closed != 6 {
		t.Errorf("wrapped %d times, closed %d, want 6", d.wrapped, d.closed)
	}
}

// TestFilterBodyConnection: what follows a filtered body on its connection is another request's.
func TestFilterBodyConnection(t *testing.T) {
	var d doubling
	app, _ := newApp(quart.Config{})
	app.Post("/", func(c *quart.Ctx) error {
		data, err := c.Body()
		if err != nil {
			return err
		}
		return c.Bytes(200, "text/plain", data)
	}).Use(d.layer)
	app.Post("/plain", func(c *quart.Ctx) error {
		data, err := c.Body()
		if err != nil {
			return err
		}
		return c.Bytes(200, "text/plain", data)
	})
	nc := serve(t, app).dial()
	br := newReader(nc)
	for i := range 3 {
		for target, want := range map[string]string{"/": "aabbcc", "/plain": "abc"} {
			send(t, nc, "POST "+target+" HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
			if got := readAnswer(t, br, "POST"); got.body != want || got.Close {
				t.Fatalf("round %d, %s: %q, close %v", i, target, got.body, got.Close)
			}
		}
	}
}

// TestFilterBodyLimit: the limit holds for what is sent and for what comes out.
func TestFilterBodyLimit(t *testing.T) {
	var d doubling
	for _, tt := range []struct{ length, limit, status int }{{50, 100, 200}, {51, 100, 413}, {101, 100, 413}, {101, -1, 200}, {0, 100, 200}} {
		app, _ := newApp(quart.Config{})
		app.Post("/", func(c *quart.Ctx) error {
			n, err := io.Copy(io.Discard, c.BodyReader())
			if err != nil {
				return err
			}
			return c.Text(200, itoa(int(n)))
		}).BodyLimit(int64(tt.limit)).Use(d.layer)
		got := serve(t, app).do("POST", "/", strings.Repeat("x", tt.length), "Content-Type: text/plain")
		if got.StatusCode != tt.status || tt.status == 200 && got.body != itoa(2*tt.length) {
			t.Errorf("%+v: %d %q", tt, got.StatusCode, got.body)
		}
	}
}

// failingFilter is a filter that fails after some bytes.
type failingFilter struct {
	r   io.Reader
	err error
}

func (f failingFilter) Read(p []byte) (int, error) {
	n, _ := f.r.Read(p[:1])
	return n, f.err
}

func TestFilterBodyFails(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
	}{
		{&quart.HTTPError{Status: 400, Detail: "no such coding"}, 400},
		{quart.ErrTooLarge, 413},
		{errors.New("a bug"), 500},
		{io.ErrUnexpectedEOF, 500},
	} {
		app, _ := newApp(quart.Config{})
		var first, second error
		app.Post("/", func(c *quart.Ctx) error {
			quart.FilterBody(c, func(r io.Reader) io.Reader { return failingFilter{r, tt.err} })
			_, first = c.Body()
			_, second = c.BodyReader().Read(make([]byte, 1))
			return first
		})
		got := serve(t, app).do("POST", "/", "abc")
		if got.StatusCode != tt.status || !got.Close || first != tt.err || second != tt.err {
			t.Errorf("%v: %d, close %v; %v, %v", tt.err, got.StatusCode, got.Close, first, second)
		}
	}
}

func TestFilterBodyTooLate(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Post("/", func(c *quart.Ctx) error {
		if _, err := c.Body(); err != nil {
			return err
		}
		if quart.FilterBody(c, func(r io.Reader) io.Reader { return r }) {
			return errors.New("taken")
		}
		return c.NoContent()
	})
	serve(t, app).do("POST", "/", "abc").want(t, 204, "")
}
