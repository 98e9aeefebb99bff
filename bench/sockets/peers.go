//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	coder "github.com/coder/websocket"
	fast "github.com/fasthttp/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/lxzan/gws"
	"github.com/valyala/fasthttp"
)

// A peer is a library with a server as its users have it: its documentation's echo, with the default options.
type peer struct {
	Name   string
	module string
	site   func() *site
}

// The names of those that the targets are about.
const (
	ours       = "quart"
	bareName   = "bare"
	fastName   = "fasthttp/websocket"
	gwsName    = "gws"
	goriName   = "gorilla"
	coderName  = "coder"
	quartPath  = "github.com/goquart/quart"
	fastModule = "github.com/fasthttp/websocket"
)

// peers are all servers; bare is no library but the least that one can do.
var peers = []peer{
	{bareName, "", bareSite},
	{fastName, fastModule, fastSite},
	{goriName, "github.com/gorilla/websocket", gorillaSite},
	{coderName, "github.com/coder/websocket", coderSite},
	{gwsName, "github.com/lxzan/gws", gwsSite},
	{ours, quartPath, quartSite},
}

func indexOf(all []peer, name string) int {
	return slices.IndexFunc(all, func(p peer) bool { return p.Name == name })
}

// version is that of go.mod.
func (p *peer) version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == p.module && m.Replace == nil && m.Version != "(devel)" {
				return m.Version
			}
		}
	}
	return ""
}

// ---- fasthttp/websocket ----

func fastSite() *site {
	var members room[*fast.Conn]
	var upgrader fast.FastHTTPUpgrader
	handler := func(fc *fasthttp.RequestCtx) {
		inRoom := string(fc.Path()) == roomPath
		err := upgrader.Upgrade(fc, func(c *fast.Conn) {
			defer c.Close()
			if inRoom {
				members.join(c)
			}
			for {
				kind, message, err := c.ReadMessage()
				if err != nil {
					return
				}
				if err := c.WriteMessage(kind, message); err != nil {
					return
				}
			}
		})
		if err != nil {
			fc.Error(err.Error(), fasthttp.StatusBadRequest)
		}
	}
	return &site{
		serve:   func(l net.Listener) error { return fasthttp.Serve(l, handler) },
		members: members.len,
		send: map[string]func([]byte) error{
			sendNaive: func(message []byte) error {
				return members.each(func(c *fast.Conn) error { return c.WriteMessage(fast.BinaryMessage, message) })
			},
			sendPrepared: func(message []byte) error {
				prepared, err := fast.NewPreparedMessage(fast.BinaryMessage, message)
				if err != nil {
					return err
				}
				return members.each(func(c *fast.Conn) error { return c.WritePreparedMessage(prepared) })
			},
		},
	}
}

// ---- gorilla ----

func gorillaSite() *site {
	var members room[*gorilla.Conn]
	var upgrader gorilla.Upgrader
	handler := func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // Upgrade has answered
		}
		defer c.Close()
		if r.URL.Path == roomPath {
			members.join(c)
		}
		for {
			kind, message, err := c.ReadMessage()
			if err != nil {
				return
			}
			if err := c.WriteMessage(kind, message); err != nil {
				return
			}
		}
	}
	return &site{
		serve:   func(l net.Listener) error { return http.Serve(l, http.HandlerFunc(handler)) },
		members: members.len,
		send: map[string]func([]byte) error{
			sendNaive: func(message []byte) error {
				return members.each(func(c *gorilla.Conn) error { return c.WriteMessage(gorilla.BinaryMessage, message) })
			},
			sendPrepared: func(message []byte) error {
				prepared, err := gorilla.NewPreparedMessage(gorilla.BinaryMessage, message)
				if err != nil {
					return err
				}
				return members.each(func(c *gorilla.Conn) error { return c.WritePreparedMessage(prepared) })
			},
		},
	}
}

// ---- coder ----

func coderSite() *site {
	handler := func(w http.ResponseWriter, r *http.Request) {
		c, err := coder.Accept(w, r, nil)
		if err != nil {
			return // Accept has answered
		}
		defer c.CloseNow()
		c.SetReadLimit(1 << 20)     // its default is 32 KiB
		ctx := context.Background() // r.Context() costs it 12 allocations for each message
		for {
			kind, message, err := c.Read(ctx)
			if err != nil {
				return
			}
			if err := c.Write(ctx, kind, message); err != nil {
				return
			}
		}
	}
	return &site{serve: func(l net.Listener) error { return http.Serve(l, http.HandlerFunc(handler)) }}
}

// ---- gws ----

type gwsHandler struct {
	gws.BuiltinEventHandler
	members *room[*gws.Conn]
	inRoom  bool
}

func (h *gwsHandler) OnOpen(c *gws.Conn) {
	if h.inRoom {
		h.members.join(c)
	}
}

func (h *gwsHandler) OnMessage(c *gws.Conn, message *gws.Message) {
	defer message.Close()
	_ = c.WriteMessage(message.Opcode, message.Bytes()) // it closes the connection by itself
}

func gwsSite() *site {
	var members room[*gws.Conn]
	logger := &quietLogger{}
	s := gws.NewServer(&gwsHandler{members: &members}, &gws.ServerOption{Logger: logger})
	inRoom := gws.NewUpgrader(&gwsHandler{members: &members, inRoom: true}, &gws.ServerOption{Logger: logger})
	s.OnRequest = func(nc net.Conn, br *bufio.Reader, r *http.Request) {
		upgrader := s.GetUpgrader()
		if r.URL.Path == roomPath {
			upgrader = inRoom
		}
		c, err := upgrader.UpgradeFromConn(nc, br, r)
		if err != nil {
			s.OnError(nc, err)
			return
		}
		c.ReadLoop()
	}
	return &site{
		serve:   s.RunListener,
		members: members.len,
		send: map[string]func([]byte) error{
			sendNaive: func(message []byte) error {
				return members.each(func(c *gws.Conn) error { return c.WriteMessage(gws.OpcodeBinary, message) })
			},
			sendPrepared: func(message []byte) error {
				b := gws.NewBroadcaster(gws.OpcodeBinary, message)
				return errors.Join(members.each(b.Broadcast), b.Close())
			},
		},
	}
}

// quietLogger drops what is said of clients that leave.
type quietLogger struct{}

func (*quietLogger) Error(args ...any) {
	if text := fmt.Sprint(args...); !strings.Contains(text, "EOF") && !strings.Contains(text, "reset") {
		slog.Error(text)
	}
}
