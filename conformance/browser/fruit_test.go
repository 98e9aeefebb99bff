package browser_test

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
)

func untilFruit(p *page, counts string) {
	p.t.Helper()
	p.until(`Array.from(document.querySelectorAll("#tally tr"), (row) => row.cells[2].textContent).join(" ") === "` + counts + `"`)
}

// watchApple notes that the apple was marked as picked, which it is for 600 ms.
const watchApple = `(() => {
	const apple = document.querySelector('[data-fruit="apple"]');
	new MutationObserver(() => { window.applePicked ||= apple.classList.contains("picked"); }).observe(apple, { attributes: true });
	return true;
})()`

// TestFruit: what one page picks is seen in both at once, and by a page that comes later; both come back to a server that was killed.
func TestFruit(t *testing.T) {
	need(t)
	s := serve(t, "fruit")
	one, two := newPage(t), newPage(t)
	for _, p := range []*page{one, two} {
		p.open(s.url("/"))
		untilFruit(p, "0 0 0 0 0 0")
		p.until(watchApple)
	}
	one.click(`[data-fruit="apple"]`)
	for _, p := range []*page{one, two} {
		untilFruit(p, "1 0 0 0 0 0")
		p.until(`window.applePicked`)
	}
	two.click(`[data-fruit="pear"]`)
	two.click(`[data-fruit="pear"]`)
	late := newPage(t)
	late.open(s.url("/"))
	for _, p := range []*page{one, two, late} {
		untilFruit(p, "1 0 0 0 0 2")
		p.until(`Array.from(document.querySelectorAll("#latest li"), (li) => li.childNodes[1].textContent).join(" ") === "Pear Pear Apple"`)
		p.until(`document.querySelector("#total").innerText === "3 picks"`)
	}
	s.stop(syscall.SIGKILL)
	for _, p := range []*page{one, two} {
		p.until(`document.querySelector("#state-text").innerText.startsWith("Connection lost") && document.querySelector('[data-fruit="apple"]').disabled`)
	}
	serveAt(t, s.addr, "fruit")
	for _, p := range []*page{one, two} {
		untilFruit(p, "0 0 0 0 0 0")
		p.until(`document.querySelector("#state-text").innerText === "Connected"`)
	}
	one.do("press", `[data-fruit="grape"]`, "Enter")
	untilFruit(two, "0 0 0 1 0 0")
	one.wantNoErrors("ERR_CONNECTION_REFUSED")
	two.wantNoErrors("ERR_CONNECTION_REFUSED")
}

// TestFruitLooks takes pictures of the page; see TestLooks.
func TestFruitLooks(t *testing.T) {
	need(t)
	dir := t.ArtifactDir()
	picked := func(p *page) {
		for i, n := range []int{5, 2, 7, 1, 3} {
			for range n {
				p.click(fmt.Sprintf(`#fruits button:nth-child(%d)`, i+1))
			}
		}
		untilFruit(p, "5 2 7 1 3 0")
	}
	tests := []struct {
		name  string
		visit func(p *page, s *server)
	}{
		{"fruit-empty", func(p *page, _ *server) { untilFruit(p, "0 0 0 0 0 0") }},
		{"fruit", func(p *page, _ *server) { picked(p) }},
		{"fruit-lost", func(p *page, s *server) {
			picked(p)
			s.stop(syscall.SIGTERM)
			p.until(`document.querySelector("#state-text").innerText.startsWith("Connection lost")`)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, p := serve(t, "fruit"), newPage(t)
			p.open(s.url("/"))
			tt.visit(p, s)
			for _, w := range windows {
				p.do("look", w.width, w.height, w.colours)
				p.do("screenshot", filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", tt.name, w.width, w.colours)))
				checkLooks(p)
			}
		})
	}
}
