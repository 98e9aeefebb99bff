package middleware_test

import (
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
)

// TestSocketBehindEverything: sockets work behind every middleware, which may refuse them by header or cookie.
func TestSocketBehindEverything(t *testing.T) {
	for name, hard := range map[string]bool{"cooperative": false, "hard": true} {
		t.Run(name, func(t *testing.T) {
			app := quart.New(quart.Config{})
			app.Use(
				middleware.RequestID(middleware.RequestIDConfig{}),
				middleware.Logger(middleware.LoggerConfig{}),
				middleware.SecureHeaders(middleware.SecureConfig{}),
				middleware.CORS(middleware.CORSConfig{}),
				middleware.Compress(middleware.CompressConfig{}),
				middleware.Decompress(middleware.DecompressConfig{}),
				middleware.ETag(middleware.ETagConfig{}),
				middleware.BodyLimit(10),
				middleware.Timeout(middleware.TimeoutConfig{After: time.Second, Hard: hard}),
			)
			users := app.Group("/users", middleware.BasicAuth(middleware.BasicAuthConfig{
				Users: map[string]string{"ada": "secret"},
			}))
			members := app.Group("/members", quart.Before(func(c *quart.Ctx) error {
				if c.Cookie("session") != "good" {
					return quart.ErrUnauthorized
				}
				return nil
			}))
			echo := func(ws *quart.Socket) error {
				for m, err := range ws.Messages() {
					if err != nil {
						return err
					}
					if err := ws.Write(m); err != nil {
						return err
					}
				}
				return nil
			}
			users.WebSocket("/ws", echo)
			members.WebSocket("/ws", echo)
			cl := quarttest.New(t, app)
			for _, path := range []string{"/users/ws", "/members/ws"} {
				if ws, resp := cl.Handshake(path); ws != nil || resp.Status != 401 {
					t.Errorf("%s without credentials: %d", path, resp.Status)
				}
			}
			for _, ws := range []*websocket.Conn{
				cl.Get("/users/ws").Basic("ada", "secret").WebSocket(),
				cl.WebSocket("/members/ws", "Cookie", "session=good", "Accept-Encoding", "gzip"),
			} {
				long := "longer than the limit of bodies, which is not that of messages"
				quarttest.WriteText(t, ws, long)
				if got := quarttest.ReadText(t, ws); got != long {
					t.Errorf("%q", got)
				}
			}
		})
	}
}
