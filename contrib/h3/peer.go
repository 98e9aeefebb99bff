package h3

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// listener counts connections, those whose handshake is under way as well.
type listener struct {
	*quic.EarlyListener
	s *Server
}

func (l *listener) Accept(ctx context.Context) (*quic.Conn, error) {
	c, err := l.EarlyListener.Accept(ctx)
	if err != nil {
		return nil, err
	}
	l.s.conns.Add(1)
	context.AfterFunc(c.Context(), func() { l.s.conns.Add(-1) })
	return c, nil
}

var errTooMany = errors.New("h3: too many connections")

// quicConfig refuses connections over the limit with CONNECTION_REFUSED, before anything is kept of them.
func (s *Server) quicConfig() *quic.Config {
	cfg := s.cfg.quic()
	admitted := cfg.Clone()
	cfg.GetConfigForClient = func(*quic.ClientInfo) (*quic.Config, error) {
		if most := s.cfg.MaxConns; most > 0 && s.conns.Load() >= int64(most) {
			return nil, errTooMany
		}
		return admitted, nil
	}
	return cfg
}

// crowded makes new clients prove their address (RFC 9000, section 8.1), for one more round trip: a flood of packets with forged addresses
// creates no connections then.
func (s *Server) crowded(net.Addr) bool {
	return s.cfg.MaxConns > 0 && s.conns.Load() >= int64(s.cfg.MaxConns)/2
}

// peer is a connection. It is closed when none of its requests is handled for Config.IdleTimeout: also when it has heads that never become complete, which
// quic-go waits for without an end.
type peer struct {
	conn *quic.Conn
	idle time.Duration

	mu      sync.Mutex
	handled int
	timer   *time.Timer
}

// peerKey is the key of the *peer in the context of a request.
type peerKey struct{}

func (s *Server) withPeer(ctx context.Context, c *quic.Conn) context.Context {
	p := &peer{conn: c, idle: s.cfg.IdleTimeout}
	p.mu.Lock() // the timer may be over before it is kept
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(p.idle, p.expire)
	context.AfterFunc(c.Context(), func() { p.timer.Stop() })
	return context.WithValue(ctx, peerKey{}, p)
}

func peerOf(r *http.Request) *peer {
	p, _ := r.Context().Value(peerKey{}).(*peer)
	return p
}

func (p *peer) expire() {
	p.mu.Lock()
	idle := p.handled == 0
	p.mu.Unlock()
	if idle {
		_ = p.conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "idle")
	}
}

// join says that the handler of a request begins.
func (p *peer) join() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handled++
	p.timer.Stop()
}

func (p *peer) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.handled--; p.handled == 0 && p.conn.Context().Err() == nil {
		p.timer.Reset(p.idle)
	}
}
