package browser_test

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// shownIDs are the ids of the events that the page lists, the oldest first.
const shownIDs = `Array.from(document.querySelectorAll("#events tr:not(#none)"), (row) => Number(row.cells[0].textContent)).reverse()`

// TestClockReconnects: after a restart of the server the page comes back by itself and goes on at the next id, however the server went.
func TestClockReconnects(t *testing.T) {
	for name, sig := range map[string]os.Signal{"stopped": syscall.SIGTERM, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			p := newPage(t)
			s := serve(t, "sse-clock")
			p.open(s.url("/"))
			p.until(shownIDs + `.length >= 2`)
			p.until(`document.querySelector("#state-text").innerText === "Connected"`)

			s.stop(sig)
			p.until(`document.querySelector("#state-text").innerText.startsWith("Connection lost")`)
			before := eval[[]int](p, shownIDs)
			serveAt(t, s.addr, "sse-clock")
			p.until(`document.querySelector("#reconnects").innerText >= "1"`)
			p.until(shownIDs + `.at(-1) >= ` + itoa(before[len(before)-1]+2))

			ids := eval[[]int](p, shownIDs)
			for i, id := range ids {
				if id != ids[0]+i {
					t.Errorf("the ids are %d: a gap or a repetition", ids)
				}
			}
			if ids[0] != 1 {
				t.Errorf("the ids are %d, want them to begin at 1", ids)
			}
			if got := p.text("#state-text"); got != "Connected" {
				t.Errorf("the page says %q", got)
			}
		})
	}
}

// TestClockTabs: two tabs are two streams, and the server notices at once when one is closed.
func TestClockTabs(t *testing.T) {
	p := newPage(t)
	s := serve(t, "sse-clock")
	streams := func(n int) func() bool {
		return func() bool { return getJSON[map[string]int](s, "/streams")["streams"] == n }
	}
	p.open(s.url("/"))
	eventually(t, patience, "one stream", streams(1))
	second := p.newTab()
	second.open(s.url("/"))
	eventually(t, patience, "two streams", streams(2))
	for _, tab := range []*page{p, second} {
		tab.until(`document.querySelector("#streams").innerText === "2"`)
	}
	second.close()
	eventually(t, time.Second, "one stream after the other tab was closed", streams(1))
	p.until(`document.querySelector("#streams").innerText === "1"`)
	p.wantNoErrors()
}
