package middleware

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"

	"github.com/goquart/quart"
)

// RequestIDKey holds the ID that RequestID gave a request.
var RequestIDKey = quart.NewKey[string]("request ID")

// RequestIDConfig configures RequestID.
type RequestIDConfig struct {
	// Header is the field that carries the ID in the response, and in the request if Trust is set. Default: X-Request-ID.
	Header string
	// Trust takes the ID of a request that brings one, so that one ID follows a call through several services. Set it behind a proxy or
	// client that makes IDs; anybody else could make two requests look like one in the logs. An ID longer than 128 bytes, or with
	// characters that a token of RFC 9110 does not have, is never taken.
	Trust bool
	// New makes an ID, of token characters. Default: 32 hex digits, see RequestID.
	New func() string
}

const maxRequestID = 128 // bytes

// RequestID gives each request an ID: in the response's header, in RequestIDKey, and as the attribute request_id of c.Log. Inside of
// another RequestID it does nothing.
//
// An ID is 128 random bits in hex, from the generator of math/rand/v2, which the operating system seeds: two are never the same, but they are no
// secrets. The logger costs one allocation per request.
func RequestID(cfg RequestIDConfig) quart.Middleware {
	if cfg.Header == "" {
		cfg.Header = "X-Request-ID"
	}
	if !isToken(cfg.Header) {
		panic(fmt.Sprintf("middleware: RequestID with header %q", cfg.Header))
	}
	return func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if _, ok := RequestIDKey.Get(c); !ok {
				setRequestID(c, &cfg)
			}
			return next(c)
		}
	}
}

func setRequestID(c *quart.Ctx, cfg *RequestIDConfig) {
	id := ""
	if cfg.Trust {
		id = trustedID(c, cfg.Header)
	}
	switch {
	case id != "":
		c.SetHeader(cfg.Header, id)
	case cfg.New != nil:
		id = cfg.New()
		c.SetHeader(cfg.Header, id)
	default:
		// perf: BenchmarkRequestID: the string comes from c's slab, by way of the header.
		var buf [32]byte
		c.Fast().Response.Header.SetBytesV(cfg.Header, appendID(buf[:0]))
		id = c.ResponseHeader(cfg.Header)
	}
	RequestIDKey.Set(c, id)
	quart.SetLog(c, idLogger(c.Log(), id))
}

// trustedID is the request's ID if it is well-formed.
func trustedID(c *quart.Ctx, header string) string {
	sent := c.Fast().Request.Header.Peek(header)
	if len(sent) == 0 || len(sent) > maxRequestID || !isToken(string(sent)) {
		return ""
	}
	return c.Header(header)
}

// appendID appends 128 random bits in hex.
func appendID(b []byte) []byte {
	const digits = "0123456789abcdef"
	for range 2 {
		for bits, i := rand.Uint64(), 0; i < 16; i++ {
			b = append(b, digits[bits>>60])
			bits <<= 4
		}
	}
	return b
}

// idHandler adds the ID to each record. Unlike Handler.WithAttrs it formats nothing for requests that log nothing.
type idHandler struct {
	slog.Handler
	id string
}

// loggerWithID is a logger and its handler in one allocation.
type loggerWithID struct {
	logger  slog.Logger
	handler idHandler
}

func idLogger(l *slog.Logger, id string) *slog.Logger {
	both := &loggerWithID{handler: idHandler{l.Handler(), id}}
	both.logger = *slog.New(&both.handler)
	return &both.logger
}

// Handle implements slog.Handler.
func (h *idHandler) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	r.AddAttrs(slog.String("request_id", h.id))
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *idHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &idHandler{h.Handler.WithAttrs(attrs), h.id}
}

// WithGroup implements slog.Handler. The ID stays outside of the group.
func (h *idHandler) WithGroup(name string) slog.Handler {
	return h.Handler.WithAttrs([]slog.Attr{slog.String("request_id", h.id)}).WithGroup(name)
}
