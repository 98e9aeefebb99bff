package middleware

import (
	"context"
	"log/slog"
	"time"

	"github.com/goquart/quart"
)

// LoggerConfig configures Logger.
type LoggerConfig struct {
	Log     *slog.Logger            // default: c.Log
	Level   slog.Level              // of the lines. Default: slog.LevelInfo
	Message string                  // default: "request"
	Skip    func(c *quart.Ctx) bool // asked before the handler runs; true: no line for this request
}

// Logger writes a line for each request when its response is complete but for sending, with the attributes method, path (decoded), status,
// bytes (of the body; -1 when it is streamed and its length not known), duration, ip, and, where there are such, request_id
// and error: what the handler returned, with what the client does not see. A panic is an error there, too.
//
// It renders the error that comes to it (Ctx.Fail), so that the status is the final one; a layer outside of it that answers
// something else makes the line wrong. While the level is disabled a request costs one call of Enabled. No value can break out of its line: slog's
// handlers quote what needs it.
func Logger(cfg LoggerConfig) quart.Middleware {
	if cfg.Message == "" {
		cfg.Message = "request"
	}
	return func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if !cfg.logger(c).Enabled(context.Background(), cfg.Level) || cfg.Skip != nil && cfg.Skip(c) {
				return next(c)
			}
			return cfg.serve(c, next)
		}
	}
}

func (cfg *LoggerConfig) logger(c *quart.Ctx) *slog.Logger {
	if cfg.Log != nil {
		return cfg.Log
	}
	return c.Log()
}

func (cfg *LoggerConfig) serve(c *quart.Ctx, next quart.Handler) error {
	start := time.Now()
	returned := false
	defer func() {
		if !returned { // a layer inside panicked: what the core answers then
			cfg.write(c, 500, 0, time.Since(start), "panic in a middleware")
		}
	}()
	err := next(c)
	returned = true
	c.Fail(err)
	message := ""
	if failed := c.Err(); failed != nil {
		message = failed.Error()
	}
	cfg.write(c, c.Status(), bodySize(c), time.Since(start), message)
	return err
}

func (cfg *LoggerConfig) write(c *quart.Ctx, status, size int, took time.Duration, message string) {
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs,
		slog.String("method", c.Method()),
		slog.String("path", c.Path()),
		slog.Int("status", status),
		slog.Int("bytes", size),
		slog.Duration("duration", took),
	)
	if ip := c.RemoteIP(); ip.IsValid() {
		attrs = append(attrs, slog.String("ip", ip.String()))
	}
	if id, ok := RequestIDKey.Get(c); ok && cfg.Log != nil { // c.Log has it already
		attrs = append(attrs, slog.String("request_id", id))
	}
	if message != "" {
		attrs = append(attrs, slog.String("error", message))
	}
	cfg.logger(c).LogAttrs(context.Background(), cfg.Level, cfg.Message, attrs...)
}

// bodySize is the length of the body that the client gets, -1 if it is not known yet.
func bodySize(c *quart.Ctx) int {
	fc := c.Fast()
	switch status := fc.Response.StatusCode(); {
	case fc.IsHead(), status < 200, status == 204, status == 304:
		return 0
	case fc.Response.IsBodyStream():
		return max(fc.Response.Header.ContentLength(), -1)
	}
	return len(fc.Response.Body())
}
