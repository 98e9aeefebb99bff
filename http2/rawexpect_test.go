package http2_test

import (
	"errors"
	"io"
	"net"
	"strings"

	"github.com/goquart/quart/http2"
)

// until reads frames until ok.
func (c *client) until(what string, ok func() bool) {
	c.t.Helper()
	for !ok() {
		if _, err := c.read(); err != nil {
			c.t.Fatalf("no %s: %v; GOAWAY %v", what, err, c.goaways)
		}
	}
}

// await reads until the stream's response is complete, or reset.
func (c *client) await(id uint32) *answer {
	c.t.Helper()
	a := c.answer(id)
	c.until("answer", func() bool { return a.ended || a.reset })
	return a
}

// head reads until the stream's response has begun.
func (c *client) head(id uint32) *answer {
	c.t.Helper()
	a := c.answer(id)
	c.until("head", func() bool { return a.fields != nil || a.reset })
	return a
}

// want awaits a response of this status, and this body unless it is "*".
func (c *client) want(id uint32, status, body string) *answer {
	c.t.Helper()
	a := c.await(id)
	if a.status() != status || !a.ended || (body != "*" && string(a.body) != body) {
		c.t.Fatalf("stream %d: %v; want %s %.80q", id, a, status, body)
	}
	return a
}

// wantReset awaits the reset of a stream, by one of these codes, and that the connection works on.
func (c *client) wantReset(id uint32, codes ...http2.ErrCode) {
	c.t.Helper()
	a := c.answer(id)
	c.until("RST_STREAM", func() bool { return a.reset || a.ended })
	if !a.reset || !has(codes, a.code) {
		c.t.Fatalf("stream %d: %v; want reset %v", id, a, codes)
	}
	c.sync()
}

func has(codes []http2.ErrCode, code http2.ErrCode) bool {
	for _, want := range codes {
		if code == want {
			return true
		}
	}
	return false
}

// wantEnd awaits the end of the connection, and before it a GOAWAY with one of these codes.
func (c *client) wantEnd(codes ...http2.ErrCode) goaway {
	c.t.Helper()
	c.untilEnd()
	if len(c.goaways) == 0 {
		c.t.Fatalf("the connection ended (%v) without a GOAWAY; want %v", c.err, codes)
	}
	g := c.goaways[len(c.goaways)-1]
	if !has(codes, g.code) {
		c.t.Fatalf("GOAWAY %v %q; want %v", g.code, g.debug, codes)
	}
	return g
}

// untilEnd reads until the server has closed the connection.
func (c *client) untilEnd() {
	c.t.Helper()
	for {
		if _, err := c.read(); err != nil {
			break
		}
	}
	var timeout net.Error
	if errors.As(c.err, &timeout) && timeout.Timeout() {
		c.t.Fatalf("the connection is still open; GOAWAY %v", c.goaways)
	}
}

// sync awaits the answer to a PING: the server has seen all that was sent before.
func (c *client) sync() {
	c.t.Helper()
	n := len(c.pongs)
	c.send(frame(typePing, 0, 0, []byte("in order")...))
	c.until("PING", func() bool { return len(c.pongs) > n })
	if got := c.pongs[n]; got != "in order" {
		c.t.Fatalf("PING answered %q", got)
	}
}

// closed says that the connection ended in order, by EOF.
func (c *client) closed() bool { return errors.Is(c.err, io.EOF) }

// lines writes fields as a test table does.
func lines(a *answer) string {
	var b strings.Builder
	for _, f := range a.fields {
		b.WriteString(f.Name + ": " + f.Value + "\n")
	}
	return b.String()
}
