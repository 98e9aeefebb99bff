package quart

import (
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

// listener wraps what it accepts in a connection with phases and limits. Accept never waits for a client.
type listener struct {
	net.Listener
	table *connTable
	tls   *tls.Config // nil: plain

	once sync.Once
	done chan struct{}
}

// newListener takes l over. tlsConfig may be nil. The handshake happens in the worker, at the first Read.
func newListener(l net.Listener, t *connTable, tlsConfig *tls.Config) *listener {
	return &listener{Listener: l, table: t, tls: tlsConfig, done: make(chan struct{})}
}

// Close stops accepting; connections stay. Later calls return nil.
func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.done)
		err = l.Listener.Close()
	})
	return err
}

const (
	minBackoff = 5 * time.Millisecond
	maxBackoff = time.Second
)

// Accept returns the next connection within the limits; others are refused here. Out of file descriptors or memory it
// waits and tries again.
func (l *listener) Accept() (net.Conn, error) {
	backoff := minBackoff
	for {
		nc, err := l.Listener.Accept()
		if err == nil {
			if c := l.admit(nc); c != nil {
				return c, nil
			}
			backoff = minBackoff
			continue
		}
		if l.table.draining.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, net.ErrClosed // the last accepts are over
		}
		if !temporary(err) {
			return nil, err
		}
		l.table.warn(warnAccept, "accepting connections fails, trying again", "err", err)
		if !l.pause(backoff) {
			return nil, net.ErrClosed
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

func (l *listener) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-l.done:
		return false
	case <-timer.C:
		return true
	}
}

// temporary reports whether a later Accept may succeed.
func temporary(err error) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	for _, e := range [...]error{syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	var t interface{ Temporary() bool } // EMFILE, ENFILE, EINTR, timeouts
	return errors.As(err, &t) && t.Temporary()
}

// admit returns nil when nc was refused.
func (l *listener) admit(nc net.Conn) net.Conn {
	t := l.table
	if n := t.open.Add(1); t.limits.MaxConns > 0 && n > int64(t.limits.MaxConns) {
		t.open.Add(-1)
		t.warn(warnMaxConns, "too many connections, refusing more", "limit", t.limits.MaxConns)
		l.refuse(nc, fasthttp.StatusServiceUnavailable, "too many connections")
		return nil
	}
	var ip ipKey
	if t.limits.MaxConnsPerIP > 0 {
		ip = ipKeyOf(nc.RemoteAddr())
		if !t.perIP.join(ip, t.limits.MaxConnsPerIP) {
			t.open.Add(-1)
			t.warn(warnPerIP, "too many connections from one address", "addr", nc.RemoteAddr(), "limit", t.limits.MaxConnsPerIP)
			l.refuse(nc, fasthttp.StatusTooManyRequests, "too many connections from this address")
			return nil
		}
	}
	return t.wrap(nc, l.tls, ip)
}

// ---- refusing ----

// refuse answers without waiting and closes a moment later. A fresh socket's buffer takes the answer at once; anything
// that is no socket, and TLS before its handshake, is just closed.
func (l *listener) refuse(nc net.Conn, status int, detail string) {
	hc, ok := nc.(halfCloser)
	if _, foreign := nc.(*tls.Conn); !ok || foreign || l.tls != nil {
		_ = nc.Close()
		return
	}
	_ = nc.SetWriteDeadline(time.Now().Add(minBackoff))
	_, _ = nc.Write(appendRefusal(make([]byte, 0, 512), status, detail))
	_ = hc.CloseWrite()
	l.table.refused.add(nc, l.table.now.Load())
}

func appendRefusal(b []byte, status int, detail string) []byte {
	title := fasthttp.StatusMessage(status)
	body := fmt.Sprintf(`{"title":%q,"status":%d,"detail":%q}`, title, status, detail)
	b = fmt.Appendf(b, "HTTP/1.1 %d %s\r\nDate: ", status, title)
	b = fasthttp.AppendHTTPDate(b, time.Now())
	return fmt.Appendf(b, "\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\nRetry-After: 1\r\n"+
		"Connection: close\r\n\r\n%s", len(body), body)
}

// refusals holds refused connections until their clients had time to read the answer: a close with unread input is a
// reset that takes the answer with it.
type refusals struct {
	mu    sync.Mutex
	conns []refusal
}

type refusal struct {
	conn net.Conn
	at   uint64
}

const (
	maxRefusals   = 256
	refusalLinger = 500 * time.Millisecond
)

func (r *refusals) add(nc net.Conn, now uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.conns) >= maxRefusals {
		_ = nc.Close()
		return
	}
	r.conns = append(r.conns, refusal{nc, now})
}

// closeOlder closes what has waited long enough; the list is in order of time.
func (r *refusals) closeOlder(now uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(r.conns) && now-r.conns[n].at >= milliseconds(refusalLinger) {
		_ = r.conns[n].conn.Close()
		n++
	}
	if n > 0 {
		rest := copy(r.conns, r.conns[n:])
		clear(r.conns[rest:])
		r.conns = r.conns[:rest]
	}
}

func (r *refusals) closeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.conn.Close()
	}
	r.conns = nil
}

// ---- logging ----

const (
	warnAccept = iota
	warnMaxConns
	warnPerIP
	warnings
)

// warn logs a kind of trouble at most once a minute.
func (t *connTable) warn(kind int, msg string, args ...any) {
	now := int64(t.now.Load())
	last := t.warned[kind].Load()
	if last != 0 && now-last < time.Minute.Milliseconds() {
		return
	}
	if t.log != nil && t.warned[kind].CompareAndSwap(last, now) {
		t.log.Warn(msg, args...)
	}
}

// ---- connections per address ----

// ipKey is an IPv4 address or an IPv6 /64: one customer has a whole /64. Its zero value is no address and not counted.
type ipKey = netip.Addr

func ipKeyOf(addr net.Addr) ipKey {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return ipKey{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip
	}
	network, _ := ip.Prefix(64)
	return network.Addr()
}

const ipShards = 16

type ipCounter struct {
	shards [ipShards]ipShard
}

type ipShard struct {
	mu sync.Mutex
	n  map[ipKey]int
}

var ipSeed = maphash.MakeSeed()

func (c *ipCounter) shard(ip ipKey) *ipShard {
	return &c.shards[maphash.Comparable(ipSeed, ip)%ipShards]
}

// join counts ip, unless limit connections are open already.
func (c *ipCounter) join(ip ipKey, limit int) bool {
	if !ip.IsValid() {
		return true
	}
	s := c.shard(ip)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n[ip] >= limit {
		return false
	}
	if s.n == nil {
		s.n = make(map[ipKey]int)
	}
	s.n[ip]++
	return true
}

func (c *ipCounter) leave(ip ipKey) {
	if !ip.IsValid() {
		return
	}
	s := c.shard(ip)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n[ip]--; s.n[ip] <= 0 {
		delete(s.n, ip) // else the map keeps every address for ever
	}
}
