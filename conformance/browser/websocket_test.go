package browser_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/goquart/quart/conformance/internal/contract"
)

// startContract starts examples/contract. What it builds goes away after all tests.
func startContract(t *testing.T) *contract.Server {
	t.Helper()
	cleanUp()
	return contract.Start(t)
}

var cleanUp = sync.OnceFunc(func() { tools.stop = append(tools.stop, contract.Remove) })

// TestWebSocket: a page's websockets, which always offer permessage-deflate, on a connection of either kind.
func TestWebSocket(t *testing.T) {
	script, err := os.ReadFile("websocket.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			p := newPage(t)
			s := startContract(t)
			addr := s.Addr
			if scheme == "https" {
				addr = s.TLSAddr
			}
			p.open(scheme + "://" + addr + "/plaintext")
			results := eval[map[string]string](p, string(script))
			if len(results) != 7 {
				t.Errorf("%d results, want 7", len(results))
			}
			for name, why := range results {
				t.Run(name, func(t *testing.T) {
					if why != "" {
						t.Error(why)
					}
				})
			}
			p.wantNoErrors("status of 404") // there is no icon
		})
	}
}

// TestWebSocketForeignPage: a page from elsewhere gets no socket, and learns no more than that.
func TestWebSocketForeignPage(t *testing.T) {
	p := newPage(t)
	own, other := startContract(t), startContract(t)
	p.open("http://" + other.Addr + "/plaintext") // another port is another origin
	got := eval[string](p, `new Promise((done) => {
		const ws = new WebSocket("ws://`+own.Addr+`/ws");
		ws.onopen = () => done("open");
		ws.onclose = (e) => done("closed with " + e.code);
	})`)
	if got != "closed with 1006" {
		t.Errorf("the socket of a foreign page: %s", got)
	}
	p.wantNoErrors("status of 404", "Unexpected response code: 403")
	if p.open("http://" + own.Addr + "/plaintext"); !strings.HasPrefix(eval[string](p, "document.body.innerText"), "Hello") {
		t.Error("the server does not answer any more")
	}
}
