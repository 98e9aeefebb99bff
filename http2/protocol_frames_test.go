package http2_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// TestConnectionErrors: each of these ends the connection with a GOAWAY (RFC 9113, section 5.4.1). Stream 1 was served before.
func TestConnectionErrors(t *testing.T) {
	s := serve(t, http2.Config{}, hello)
	join := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	get := func(c *client) []byte { return c.encode(request("GET", "/")...) }
	plain := func(b ...[]byte) func(*client) []byte { return func(*client) []byte { return join(b...) } }
	block := func(b ...byte) func(*client) []byte {
		return func(c *client) []byte { return join(frame(typeHeaders, endStream|endHeaders, 3, b...)) }
	}
	for _, tt := range []struct {
		name string
		send func(c *client) []byte
		want []http2.ErrCode
	}{
		{"DATA on stream 0", plain(frame(typeData, 0, 0, 1)), codes(http2.ProtocolError)},
		{"DATA on an idle stream", plain(frame(typeData, 0, 5, 1)), codes(http2.ProtocolError)},
		{"DATA on an idle stream of the server", plain(frame(typeData, 0, 2, 1)), codes(http2.ProtocolError)},
		{"DATA with more padding than it has room", func(c *client) []byte {
			return join(headers(3, 0, get(c)), frame(typeData, padded, 3, 5, 0, 0, 0, 0))
		}, codes(http2.ProtocolError)},
		{"DATA without its pad length", func(c *client) []byte {
			return join(headers(3, 0, get(c)), frame(typeData, padded, 3))
		}, codes(http2.ProtocolError, http2.FrameSizeError)},
		{"DATA after the end of both", plain(frame(typeData, endStream, 1, 1)), codes(http2.StreamClosed)},
		{"HEADERS on stream 0", func(c *client) []byte { return headers(0, endStream, get(c)) }, codes(http2.ProtocolError)},
		{"HEADERS on an even stream", func(c *client) []byte { return headers(2, endStream, get(c)) }, codes(http2.ProtocolError)},
		{"HEADERS after the end of both", func(c *client) []byte { return headers(1, endStream, get(c)) }, codes(http2.StreamClosed)},
		{"HEADERS on a stream that was passed over", func(c *client) []byte {
			return join(headers(9, endStream, get(c)), headers(5, endStream, get(c)))
		}, codes(http2.ProtocolError, http2.StreamClosed)},
		{"HEADERS with more padding than they have room", func(c *client) []byte {
			return frame(typeHeaders, endStream|endHeaders|padded, 3, append([]byte{200}, get(c)...)...)
		}, codes(http2.ProtocolError)},
		{
			"HEADERS too short for their priority", plain(frame(typeHeaders, endStream|endHeaders|priority, 3, 0, 0, 0)),
			codes(http2.FrameSizeError, http2.ProtocolError),
		},
		{"PRIORITY on stream 0", plain(frame(typePriority, 0, 0, 0, 0, 0, 1, 1)), codes(http2.ProtocolError)},
		{"RST_STREAM on stream 0", plain(rstStream(0, http2.Cancel)), codes(http2.ProtocolError)},
		{"RST_STREAM on an idle stream", plain(rstStream(5, http2.Cancel)), codes(http2.ProtocolError)},
		{"RST_STREAM of three bytes", plain(frame(typeRSTStream, 0, 1, 0, 0, 0)), codes(http2.FrameSizeError)},
		{"RST_STREAM of five bytes", plain(frame(typeRSTStream, 0, 1, 0, 0, 0, 0, 0)), codes(http2.FrameSizeError)},
		{"SETTINGS on a stream", plain(frame(typeSettings, 0, 1)), codes(http2.ProtocolError)},
		{"SETTINGS of five bytes", plain(frame(typeSettings, 0, 0, 0, 1, 0, 0, 0)), codes(http2.FrameSizeError)},
		{"SETTINGS acknowledged with a payload", plain(frame(typeSettings, ack, 0, 0, 1, 0, 0, 0, 0)), codes(http2.FrameSizeError)},
		{"ENABLE_PUSH of 2", plain(settings(setEnablePush, 2)), codes(http2.ProtocolError)},
		{"INITIAL_WINDOW_SIZE of 2^31", plain(settings(setInitialWindow, 1<<31)), codes(http2.FlowControlError)},
		{"MAX_FRAME_SIZE of 2^14-1", plain(settings(setMaxFrame, 1<<14-1)), codes(http2.ProtocolError)},
		{"MAX_FRAME_SIZE of 2^24", plain(settings(setMaxFrame, 1<<24)), codes(http2.ProtocolError)},
		{"PUSH_PROMISE", func(c *client) []byte {
			return frame(typePushPromise, endHeaders, 1, append(u32(2), get(c)...)...)
		}, codes(http2.ProtocolError)},
		{"PING of seven bytes", plain(frame(typePing, 0, 0, make([]byte, 7)...)), codes(http2.FrameSizeError)},
		{"PING of nine bytes", plain(frame(typePing, 0, 0, make([]byte, 9)...)), codes(http2.FrameSizeError)},
		{"PING on a stream", plain(frame(typePing, 0, 1, make([]byte, 8)...)), codes(http2.ProtocolError)},
		{"GOAWAY on a stream", plain(frame(typeGoAway, 0, 1, make([]byte, 8)...)), codes(http2.ProtocolError)},
		{"GOAWAY of seven bytes", plain(frame(typeGoAway, 0, 0, make([]byte, 7)...)), codes(http2.FrameSizeError)},
		{"WINDOW_UPDATE of three bytes", plain(frame(typeWindowUpdate, 0, 0, 0, 0, 1)), codes(http2.FrameSizeError)},
		{"WINDOW_UPDATE of 0", plain(windowUpdate(0, 0)), codes(http2.ProtocolError)},
		{"WINDOW_UPDATE over 2^31-1", plain(windowUpdate(0, biggestWindow)), codes(http2.FlowControlError)},
		{"WINDOW_UPDATE on an idle stream", plain(windowUpdate(5, 1)), codes(http2.ProtocolError)},
		{"CONTINUATION out of nowhere", plain(frame(typeContinuation, endHeaders, 1, 0x82)), codes(http2.ProtocolError)},
		{"CONTINUATION after the end of a block", func(c *client) []byte {
			return join(headers(3, endStream, get(c)), frame(typeContinuation, endHeaders, 3, 0x82))
		}, codes(http2.ProtocolError)},
		{"CONTINUATION of another stream", func(c *client) []byte {
			return join(frame(typeHeaders, endStream, 3, get(c)...), frame(typeContinuation, endHeaders, 5))
		}, codes(http2.ProtocolError)},
		{"DATA within a block", func(c *client) []byte {
			return join(frame(typeHeaders, 0, 3, get(c)...), frame(typeData, 0, 3, 1))
		}, codes(http2.ProtocolError)},
		{"HEADERS within a block", func(c *client) []byte {
			return join(frame(typeHeaders, endStream, 3, get(c)...), headers(5, endStream, get(c)))
		}, codes(http2.ProtocolError)},
		{"PING within a block", func(c *client) []byte {
			return join(frame(typeHeaders, 0, 3, get(c)...), frame(typePing, 0, 0, make([]byte, 8)...))
		}, codes(http2.ProtocolError)},
		{"an unknown frame within a block", func(c *client) []byte {
			return join(frame(typeHeaders, 0, 3, get(c)...), frame(typeUnknown, 0, 0, 1))
		}, codes(http2.ProtocolError)},
		{"a frame over 16 KiB", func(c *client) []byte {
			return join(headers(3, 0, get(c)), frame(typeData, 0, 3, make([]byte, frameLimit+1)...))
		}, codes(http2.FrameSizeError)},
		{"an unknown frame over 16 KiB", plain(frame(typeUnknown, 0, 0, make([]byte, frameLimit+1)...)), codes(http2.FrameSizeError)},
		{"PRIORITY_UPDATE on a stream", plain(frame(typePriorityUpdate, 0, 1, 0, 0, 0, 1, 'u', '=', '1')), codes(http2.ProtocolError)},
		{"PRIORITY_UPDATE of stream 0", plain(frame(typePriorityUpdate, 0, 0, 0, 0, 0, 0, 'u', '=', '1')), codes(http2.ProtocolError)},
		{"PRIORITY_UPDATE of three bytes", plain(frame(typePriorityUpdate, 0, 0, 0, 0, 1)), codes(http2.FrameSizeError)},
		{"PRIORITY_UPDATE of an idle push", plain(frame(typePriorityUpdate, 0, 0, 0, 0, 0, 8, 'u', '=', '1')), codes(http2.ProtocolError)},
		{"index 0", block(0x80), codes(http2.CompressionError)},
		{"an index behind the tables", block(0xff, 0xff, 0x7f), codes(http2.CompressionError)},
		{"an integer without an end", block(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), codes(http2.CompressionError)},
		{"a block that ends within a string", block(0x82, 0x00, 0x05, 'a'), codes(http2.CompressionError)},
		{"a Huffman string with EOS", block(0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x01, 'a'), codes(http2.CompressionError)},
		{"a Huffman string with a byte of padding", block(0x00, 0x82, 0x1f, 0xff, 0x01, 'a'), codes(http2.CompressionError)},
		{"a table over the setting", block(0x3f, 0xe2, 0x1f, 0x82), codes(http2.CompressionError)},
		{"a table size in the middle of a block", block(0x82, 0x20, 0x84), codes(http2.CompressionError)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.dialFor(t)
			c.want(c.get("/"), "200", "hello")
			c.send(tt.send(c))
			if g := c.wantEnd(tt.want...); g.last > 9 {
				t.Errorf("last stream %d", g.last)
			}
			if !c.closed() {
				t.Errorf("ended by %v", c.err)
			}
		})
	}
	for _, err := range s.ended() {
		if _, ok := err.(*http2.ConnError); !ok {
			t.Errorf("ServeConn: %v", err)
		}
	}
}

func codes(c ...http2.ErrCode) []http2.ErrCode { return c }

// TestPreface: a connection begins with the preface and SETTINGS (RFC 9113, section 3.4).
func TestPreface(t *testing.T) {
	s := serve(t, http2.Config{}, hello)
	for name, b := range map[string][]byte{
		"HTTP/1.1":                         []byte("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"),
		"a preface that goes wrong":        []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r" + strings.Repeat("x", 100)),
		"PING first":                       slices.Concat([]byte(clientPreface), frame(typePing, 0, 0, make([]byte, 8)...)),
		"an acknowledgement first":         slices.Concat([]byte(clientPreface), frame(typeSettings, ack, 0)),
		"an unknown frame first":           slices.Concat([]byte(clientPreface), frame(typeUnknown, 0, 0)),
		"HEADERS first":                    slices.Concat([]byte(clientPreface), frame(typeHeaders, endStream|endHeaders, 1, 0x82, 0x86, 0x84)),
		"SETTINGS with a bad value":        slices.Concat([]byte(clientPreface), settings(setEnablePush, 7)),
		"a preface that TLS clients begin": {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03},
	} {
		t.Run(name, func(t *testing.T) {
			nc := s.connectFor(t)
			if _, err := nc.Write(b); err != nil {
				t.Fatal(err)
			}
			c := readerOf(t, nc)
			c.wantEnd(http2.ProtocolError)
		})
	}
	t.Run("byte by byte", func(t *testing.T) {
		nc := s.connectFor(t)
		for _, b := range slices.Concat([]byte(clientPreface), settings(setUnknown, 1), headers(1, endStream, []byte{0x82, 0x86, 0x84, 0x01, 0x01, 'a'})) {
			if _, err := nc.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		readerOf(t, nc).want(1, "200", "hello")
	})
}

// TestIgnored: what must be ignored is (RFC 9113, sections 4.1, 5.1, 6.5.2, 6.9).
func TestIgnored(t *testing.T) {
	s := serve(t, http2.Config{}, hello)
	c := s.dial(setUnknown, 1<<31, setMaxStreams, 0, setHeaderTable, 1<<32-1, setMaxFrame, 1<<24-1)
	c.want(c.get("/"), "200", "hello")
	c.send(
		frame(typeUnknown, 0xff, 0, []byte("anything")...), frame(typeUnknown, 0xff, 1), frame(typeUnknown, 0, 77, 1),
		frame(typePriority, 0, 77, 0, 0, 0, 0, 1), frame(typePriority, 0, 1, 0, 0, 0, 0, 1),
		frame(typeWindowUpdate, 0, 1, 0, 0, 0, 1), frame(typeWindowUpdate, 0, 1, 0x80, 0, 0, 1), rstStream(1, http2.Cancel),
		frame(typeSettings, ack, 0), frame(typePing, ack, 0, make([]byte, 8)...),
		frame(typePing, 0xfe, 1<<31, []byte("reserved")...),
		frame(typePriorityUpdate, 0, 0, 0, 0, 0, 1, 'u', '=', '1'), frame(typePriorityUpdate, 0, 0, 0, 0, 0, 77, '?', '?'),
		frame(typePriorityUpdate, 0, 0, 0, 0, 0, 77),
	)
	id, block := c.newID(), c.encode(request("GET", "/")...)
	c.send(frame(typeHeaders, endStream|endHeaders|0xd2, 1<<31|id, block...)) // unknown flags, and the reserved bit
	c.want(id, "200", "hello")
	id = c.open(false, request("POST", "/")...)
	c.send(frame(typeData, 0xf6, id, 'x'), frame(typeUnknown, 1, id), frame(typeData, endStream, id))
	c.want(id, "200", "hello")
	c.sync()
}

// TestStreamErrors: frames that do not fit the state of their stream, and what the connection has to survive or may end for (RFC 9113, section 5.1).
func TestStreamErrors(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, http2.Config{StreamRequestBody: true}, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/wait" {
			<-release
		}
		ctx.SetBodyString("hello")
	})
	defer close(release)
	post := request("POST", "/wait")
	for _, tt := range []struct {
		name string
		send func(c *client) uint32
		want []http2.ErrCode
	}{
		{"DATA on half-closed", func(c *client) uint32 {
			id := c.get("/wait")
			c.send(frame(typeData, 0, id, 1))
			return id
		}, codes(http2.StreamClosed)},
		{"HEADERS on half-closed", func(c *client) uint32 {
			id := c.get("/wait")
			c.send(headers(id, endStream, c.encode(request("GET", "/")...)))
			return id
		}, codes(http2.StreamClosed)},
		{"WINDOW_UPDATE of 0", func(c *client) uint32 {
			id := c.get("/wait")
			c.send(windowUpdate(id, 0))
			return id
		}, codes(http2.ProtocolError)},
		{"WINDOW_UPDATE over 2^31-1", func(c *client) uint32 {
			id := c.get("/wait")
			c.send(windowUpdate(id, biggestWindow))
			return id
		}, codes(http2.FlowControlError)},
		{"PRIORITY of four bytes", func(c *client) uint32 {
			id := c.get("/wait")
			c.send(frame(typePriority, 0, id, 0, 0, 0, 0))
			return id
		}, codes(http2.FrameSizeError)},
		{"PRIORITY on itself", func(c *client) uint32 {
			id := c.get("/wait")
			c.send(frame(typePriority, 0, id, append(u32(id), 1)...))
			return id
		}, codes(http2.ProtocolError)},
		{"HEADERS that depend on themselves", func(c *client) uint32 {
			id := c.newID()
			c.send(frame(typeHeaders, endStream|endHeaders|priority, id, slices.Concat(u32(id), []byte{1}, c.encode(request("GET", "/wait")...))...))
			return id
		}, codes(http2.ProtocolError)},
		{"a second HEADERS without an end", func(c *client) uint32 {
			id := c.open(false, post...)
			c.send(headers(id, 0, c.encode("x", "y")))
			return id
		}, codes(http2.ProtocolError)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.dialFor(t)
			c.wantReset(tt.send(c), tt.want...)
			c.want(c.get("/"), "200", "hello")
		})
	}
	for _, tt := range []struct {
		name string
		send func(c *client, id uint32) []byte
	}{
		{"DATA after RST_STREAM", func(_ *client, id uint32) []byte { return frame(typeData, 0, id, 1) }},
		{"HEADERS after RST_STREAM", func(c *client, id uint32) []byte { return headers(id, endStream, c.encode(request("GET", "/")...)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.dialFor(t)
			id := c.open(false, post...)
			c.send(rstStream(id, http2.Cancel), tt.send(c, id))
			c.until("error", func() bool { return c.answer(id).reset || len(c.goaways) > 0 })
			if a := c.answer(id); a.reset && a.code != http2.StreamClosed {
				t.Errorf("reset by %v", a.code)
			} else if !a.reset && c.goaways[0].code != http2.StreamClosed {
				t.Errorf("GOAWAY %v", c.goaways[0])
			}
		})
	}
}

// TestAfterOurReset: what was under way when the server reset a stream is ignored, and its tables and windows stay in step.
func TestAfterOurReset(t *testing.T) {
	s := serve(t, http2.Config{StreamRequestBody: true}, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/reset" {
			http2.StreamOf(ctx).Reset(http2.Cancel)
			return
		}
		fmt.Fprintf(ctx, "%s", ctx.Request.Header.Peek("x-new"))
	})
	c := s.dial()
	for range 40 {
		id := c.open(false, request("POST", "/reset")...)
		c.wantReset(id, http2.Cancel)
		c.send(
			frame(typeData, 0, id, make([]byte, 1000)...), windowUpdate(id, 1), rstStream(id, http2.Cancel),
			frame(typePriority, 0, id, 0, 0, 0, 0, 1), headers(id, endStream, c.encode("x-new", fmt.Sprint("value", id))),
		)
		c.want(c.get("/", "x-new", fmt.Sprint("value", id)), "200", fmt.Sprint("value", id))
	}
}
