package quart

import (
	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
)

// informer is a connection that sends informational responses in a way of its own: a stream of HTTP/2.
type informer interface {
	// EarlyHints sends a 103 with these values of Link.
	EarlyHints(links []string) error
}

// EarlyHints sends a 103 (RFC 8297) with these values of Link at once, before the handler is done: browsers fetch what they name meanwhile.
//
//	c.EarlyHints("</style.css>; rel=preload; as=style")
//
// The final response carries them as well. Browsers heed a 103 over HTTP/2 only, and some old HTTP/1.1 clients take it for the answer: send it to pages
// that browsers ask for. Nothing is sent to HTTP/1.0, to a client whose earlier pipelined answers are still unsent, and behind a
// listener that is not quart's. A value that SetHeader refuses is refused here.
func (c *Ctx) EarlyHints(links ...string) {
	c.live()
	for _, link := range links {
		if !wire.ValidFieldValue(link) {
			c.refuseHeader("Link")
			return
		}
	}
	for _, link := range links {
		c.AddHeader("Link", link)
	}
	if i, ok := c.fc.Conn().(informer); ok {
		_ = i.EarlyHints(links)
		return
	}
	if len(links) > 0 && c.fc.Request.Header.IsHTTP11() {
		c.conn.sendHints(links)
	}
}

func (cs *connState) sendHints(links []string) {
	if cs == nil || cs.flags.Load()&flagUnsent != 0 || !cs.unanswered() {
		return
	}
	buf := pool.GetBuffer(256)
	defer pool.PutBuffer(buf)
	b := append(buf.B, "HTTP/1.1 103 Early Hints\r\n"...)
	for _, link := range links {
		b = append(append(append(b, "Link: "...), link...), "\r\n"...)
	}
	buf.B = append(b, "\r\n"...)
	_, _ = cs.Write(buf.B)
	cs.noteInterim()
}
