//go:build unix && !aix

package netwatch_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/goquart/quart/internal/netwatch"
)

// watcher is what both implementations are tested through.
type watcher interface {
	Watch(conn syscall.RawConn, gone netwatch.Gone) (netwatch.Handle, error)
	Forget(h netwatch.Handle) bool
	Close()
	Slots() int
}

// behindInput tells whether the system's own watcher sees an end behind unread input.
const behindInput = runtime.GOOS == "linux"

// each runs test with the system's watcher and with the one that polls.
func each(t *testing.T, test func(t *testing.T, w watcher)) {
	t.Run("system", func(t *testing.T) { run(t, new(netwatch.Watcher), test) })
	t.Run("poll", func(t *testing.T) { run(t, netwatch.NewPollWatcher(time.Millisecond), test) })
}

func run(t *testing.T, w watcher, test func(t *testing.T, w watcher)) {
	defer noGoroutine(t)
	defer w.Close()
	test(t, w)
}

// noGoroutine fails the test when a watcher's goroutine is left. One that Close has waited for may still be on its way
// through its last instructions.
func noGoroutine(t *testing.T) {
	t.Helper()
	left := ""
	for range 100_000 {
		if left = goroutine(); left == "" {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("a goroutine is left:\n%s", left)
}

// goroutine returns the stack of a watcher's goroutine.
func goroutine() string {
	buf := make([]byte, 1<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "/netwatch.(*") && strings.Contains(g, ").run(") {
			return g
		}
	}
	return ""
}

// A note counts the calls of PeerGone.
type note struct {
	calls  atomic.Int32
	called chan struct{} // closed by the first
}

func newNote() *note { return &note{called: make(chan struct{})} }

func (n *note) PeerGone() {
	if n.calls.Add(1) == 1 {
		close(n.called)
	}
}

// wait returns after the first call; it ends a test that would hang.
func (n *note) wait(t testing.TB) {
	t.Helper()
	select {
	case <-n.called:
	case <-time.After(20 * time.Second):
		t.Fatal("PeerGone was not called")
	}
}

// A pair is the two ends of a connection.
type pair struct{ server, client net.Conn }

func (p pair) close() {
	p.client.Close()
	p.server.Close()
}

func (p pair) raw(t testing.TB) syscall.RawConn {
	t.Helper()
	raw, err := p.server.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// pairs makes connections over one listener, one at a time.
type pairs struct {
	t  testing.TB
	mu sync.Mutex
	ln net.Listener
}

func newPairs(t testing.TB, network string) *pairs {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &pairs{t: t, ln: ln}
}

// dial leaves closing to the caller.
func (p *pairs) dial() (pair, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	client, err := net.Dial(p.ln.Addr().Network(), p.ln.Addr().String())
	if err != nil {
		return pair{}, err
	}
	server, err := p.ln.Accept()
	if err != nil {
		client.Close()
		return pair{}, err
	}
	return pair{server, client}, nil
}

// next closes the pair when the test ends.
func (p *pairs) next() pair {
	p.t.Helper()
	c, err := p.dial()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(c.close)
	return c
}

// many is how many of n pairs the limit on descriptors admits.
func many(t testing.TB, n int) int {
	t.Helper()
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	return int(min(uint64(n), (uint64(lim.Cur)-128)/2))
}

var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// secure shakes hands over p and returns the two TLS ends.
func secure(t *testing.T, p pair) (server, client *tls.Conn) {
	t.Helper()
	server = tls.Server(p.server, &tls.Config{Certificates: []tls.Certificate{certificate()}})
	client = tls.Client(p.client, &tls.Config{InsecureSkipVerify: true})
	errs := make(chan error, 1)
	go func() { errs <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; err != nil {
		t.Fatal(err)
	}
	return server, client
}
