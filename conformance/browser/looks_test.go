package browser_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestLooks takes pictures of every page, on a desktop and a phone, light and dark, and checks what a machine can of its looks:
// nothing is to be scrolled sideways, everything was found and allowed, nothing is too small to be touched.
func TestLooks(t *testing.T) {
	need(t)
	dir := t.ArtifactDir()
	clock := serve(t, "sse-clock")
	upload := serve(t, "upload")
	video := serve(t, "video")
	path, _ := picture(t, 16<<20)
	tests := []struct {
		name  string
		visit func(p *page)
	}{
		{"clock", func(p *page) {
			p.open(clock.url("/"))
			p.until(`document.querySelectorAll("#events tr:not(#none)").length >= 3`)
		}},
		{"clock-lost", func(p *page) {
			s := serve(t, "sse-clock")
			p.open(s.url("/"))
			p.until(`document.querySelectorAll("#events tr:not(#none)").length >= 2`)
			s.stop(syscall.SIGTERM)
			p.until(`document.querySelector("#state-text").innerText.startsWith("Connection lost")`)
		}},
		{"upload", func(p *page) { p.open(upload.url("/")) }},
		{"upload-sent", func(p *page) {
			p.open(upload.url("/"))
			notes := filepath.Join(t.TempDir(), "a-long-name-of-a-file-with-notes-that-nobody-will-ever-read.png")
			if err := os.WriteFile(notes, []byte("Dear diary"), 0o600); err != nil {
				t.Fatal(err)
			}
			p.choose("#file", path)
			p.click("#form button")
			p.until(`document.querySelector(".state").innerText.startsWith("Received")`)
			p.throttle(2_000_000)
			p.choose("#file", notes, path, path)
			p.click("#form button")
			p.until(`document.querySelectorAll("#list progress").length === 3`) // that of the notes is gone
			p.until(`Array.from(document.querySelectorAll("#list progress")).some((bar) => bar.value > 0.3 && bar.value < 1)`)
		}},
		{"video", func(p *page) {
			p.open(video.url("/"))
			p.until(`video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA`)
			p.click(`[data-at="0.5"]`)
			p.until(`!video.seeking && document.querySelectorAll("#requests td.left").length > 0`)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPage(t)
			tt.visit(p)
			for _, w := range windows {
				p.do("look", w.width, w.height, w.colours)
				p.do("screenshot", filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", tt.name, w.width, w.colours)))
				checkLooks(p)
			}
		})
	}
}

// windows are those that a page is looked at in. The narrowest is that of the smallest phones.
var windows = []struct {
	width, height int
	colours       string
}{
	{1280, 800, "light"},
	{1280, 800, "dark"},
	{390, 844, "light"},
	{390, 844, "dark"},
	{320, 568, "light"},
}

func checkLooks(p *page) {
	p.t.Helper()
	if over := eval[int](p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		p.t.Errorf("the page is %d pixels wider than its window of %d", over, eval[int](p, `innerWidth`))
	}
	small := eval[[]string](p, `Array.from(document.querySelectorAll("button, input"))
		.filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 44).map((e) => e.outerHTML)`)
	for _, html := range small {
		p.t.Errorf("less than 44 pixels high: %s", html)
	}
	if lang := eval[string](p, `document.documentElement.lang`); lang != "en" {
		p.t.Errorf("lang %q", lang)
	}
	p.wantNoErrors("415 (Unsupported Media Type)", "net::ERR_CONNECTION_REFUSED")
}
