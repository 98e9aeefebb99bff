package http2_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// TestStop: a server that is stopped answers each request of the connections that it has taken, or says by GOAWAY that it did not look at it,
// whereupon net/http's client makes a new connection for it: that it is not given, here, so that requests of both kinds can be told apart.
func TestStop(t *testing.T) {
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			for _, tt := range []struct {
				name, method, path string
				body, want         []byte
			}{
				{"short answers", "GET", "/plaintext", nil, []byte("Hello, World!")},
				{"slow answers", "GET", "/slow?ms=30", nil, []byte("slow")},
				{"streams", "GET", "/stream?n=20&size=4096", nil, bytes.Repeat([]byte("x"), 20*4096)},
				{"bodies", "POST", "/echo", noise(20_000), noise(20_000)},
			} {
				t.Run("with "+tt.name+" nothing is lost", func(t *testing.T) {
					s := start(t)
					l := &losses{}
					for range 4 {
						l.add(newClient(t, s, tr), 16, tt.method, tt.path, tt.body, tt.want)
					}
					eventually(t, "the load is under way", func() bool { return l.answered.Load() > 1000 })
					for _, c := range l.clients {
						c.shut.Store(true)
					}
					s.Stop()
					l.running.Wait()
					t.Logf("%d answered, %d not sent", l.answered.Load(), l.refused.Load())
					for _, err := range l.lost {
						t.Error(err)
					}
				})
			}
		})
	}
}

// losses counts what becomes of requests.
type losses struct {
	clients           []*client
	running           sync.WaitGroup
	answered, refused atomic.Int64

	mu   sync.Mutex
	lost []error
}

// add makes requests in n loops, until the client is to make a new connection.
func (l *losses) add(c *client, n int, method, path string, body, want []byte) {
	l.clients = append(l.clients, c)
	_, _, _ = c.fetch("GET", "/plaintext", nil) // so that all take one connection
	for range n {
		l.running.Go(func() {
			for {
				resp, got, err := c.fetch(method, path, bytes.NewReader(body))
				if err == nil && (resp.StatusCode != 200 || !bytes.Equal(got, want)) {
					err = fmt.Errorf("%s with %s", resp.Status, digest(got))
				}
				if errors.Is(err, errShut) {
					l.refused.Add(1)
					return
				}
				if err != nil {
					l.mu.Lock()
					l.lost = append(l.lost, err)
					l.mu.Unlock()
					return
				}
				l.answered.Add(1)
			}
		})
	}
}
