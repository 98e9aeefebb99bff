package browser_test

import (
	"fmt"
	"testing"
)

// connections is how many the browser has made, until the relay is cut.
func (r *relay) connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.conns) / 2 // each has one to the server
}

// openHTTP2 opens a page over HTTP/2, through a relay that counts connections.
func openHTTP2(t *testing.T) (*page, *relay) {
	t.Helper()
	p := newPage(t)
	r := newRelay(t, startContract(t).TLSAddr)
	p.open("https://" + r.addr() + "/plaintext")
	if got := eval[string](p, `performance.getEntriesByType("navigation")[0].nextHopProtocol`); got != "h2" {
		t.Fatalf("the page came by %q", got)
	}
	return p, r
}

// listen opens an event stream, which stays open behind its third event, and keeps what it brings.
const listen = `void (() => {
	const events = [];
	(window.streams ??= []).push(events);
	const source = new EventSource("/sse?n=3&size=10&hold=1");
	source.onmessage = (e) => events.push(e.lastEventId + " " + e.data);
	source.onerror = () => events.push("an error");
})()`

const heard = `streams.every((events) => events.join() === "1 xxxxxxxxxx,2 xxxxxxxxxx,3 xxxxxxxxxx")`

// TestHTTP2EventStreams: more event streams than the six connections that a browser makes to a host are open at once, in one tab or in many,
// and requests go on beside them.
func TestHTTP2EventStreams(t *testing.T) {
	t.Run("eight tabs with a stream each", func(t *testing.T) {
		first, r := openHTTP2(t)
		tabs := []*page{first}
		for len(tabs) < 8 {
			tab := first.newTab()
			tab.open("https://" + r.addr() + "/plaintext")
			tabs = append(tabs, tab)
		}
		before := r.connections()
		for _, tab := range tabs {
			eval[any](tab, listen)
		}
		for _, tab := range tabs {
			tab.until(heard)
		}
		if n := r.connections(); n != before {
			t.Errorf("%d connections, %d before the streams", n, before)
		}
	})
	t.Run("thirty streams in a tab", func(t *testing.T) {
		p, r := openHTTP2(t)
		before := r.connections()
		for range 30 {
			eval[any](p, listen)
		}
		p.until(heard)
		if got := eval[string](p, `fetch("/users/ada").then((answer) => answer.text())`); got != "ada" {
			t.Errorf("a request beside them: %q", got)
		}
		if n := r.connections(); n != before {
			t.Errorf("%d connections, %d before the streams", n, before)
		}
	})
}

// echoes opens a websocket and sends it messages one by one. What comes back is its value.
const echoes = `new Promise((done, fail) => {
	const ws = new WebSocket(location.origin.replace("http", "ws") + "/ws");
	const got = [];
	ws.onopen = () => ws.send("message 1");
	ws.onmessage = (e) => {
		got.push(e.data);
		if (got.length < 3) ws.send("message " + (got.length + 1));
		else ws.close(1000);
	};
	ws.onclose = (e) => done(got.join() + " " + e.code + " " + ws.extensions.split(";")[0]);
})`

const echoed = "message 1,message 2,message 3 1000 permessage-deflate"

// TestHTTP2WebSocket: a page's websocket is a stream of the page's connection (RFC 8441).
func TestHTTP2WebSocket(t *testing.T) {
	t.Run("over HTTP/2 a socket needs no connection", func(t *testing.T) {
		p, r := openHTTP2(t)
		before := r.connections()
		if got := eval[string](p, echoes); got != echoed {
			t.Errorf("%q, want %q", got, echoed)
		}
		if n := r.connections(); n != before {
			t.Errorf("%d connections, %d before the socket", n, before)
		}
	})
	t.Run("forty sockets share it with requests", func(t *testing.T) {
		p, r := openHTTP2(t)
		before := r.connections()
		got := eval[[]string](p, fmt.Sprintf(`Promise.all(Array.from({ length: 40 }, () => %s))`, echoes))
		for i, s := range got {
			if s != echoed {
				t.Errorf("socket %d: %q", i, s)
			}
		}
		if n := r.connections(); n != before || len(got) != 40 {
			t.Errorf("%d sockets; %d connections, %d before them", len(got), n, before)
		}
	})
	t.Run("over HTTP/1.1 it needs one", func(t *testing.T) {
		p := newPage(t)
		r := newRelay(t, startContract(t).Addr)
		p.open("http://" + r.addr() + "/plaintext")
		before := r.connections()
		if got := eval[string](p, echoes); got != echoed {
			t.Errorf("%q, want %q", got, echoed)
		}
		if n := r.connections(); n <= before {
			t.Errorf("%d connections, %d before the socket", n, before)
		}
	})
}
