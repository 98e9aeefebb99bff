package browser_test

import (
	"strings"
	"testing"
)

type filmRequest struct {
	Range, ContentRange string
	Status              int
}

// TestVideo: the film plays, a jump leads where it should, and the server sends parts.
func TestVideo(t *testing.T) {
	p := newPage(t)
	s := serve(t, "video")
	p.throttle(100_000) // else it has all of the film before it is asked to jump
	p.open(s.url("/"))
	p.until(`video.readyState >= HTMLMediaElement.HAVE_METADATA`)
	if d := eval[float64](p, `video.duration`); d < 20 || d > 60 {
		t.Errorf("the film takes %v s", d)
	}
	eval[any](p, `video.play()`)
	p.until(`video.currentTime > 0.3 && !video.paused`)

	eval[any](p, `video.pause()`)
	for _, tt := range []struct{ button, at string }{{"0.9", "0.9"}, {"0.5", "0.5"}, {"0", "0"}} {
		p.click(`[data-at="` + tt.button + `"]`)
		p.until(`!video.seeking && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && Math.abs(video.currentTime - video.duration * ` + tt.at + `) < 0.1`)
	}
	p.until(`document.querySelectorAll("#requests tr td.left").length > 0`)

	parts, later := 0, 0
	for _, r := range getJSON[[]filmRequest](s, "/requests") {
		switch {
		case r.Status == 304: // the browser has the part, and asked whether it is still good
		case r.Status == 206 && strings.HasPrefix(r.Range, "bytes=") && strings.HasPrefix(r.ContentRange, "bytes "+strings.TrimPrefix(r.Range, "bytes=")):
			parts++
			if !strings.HasPrefix(r.Range, "bytes=0-") {
				later++
			}
		default:
			t.Errorf("%+v, want the part that was asked for, by 206", r)
		}
	}
	if parts < 2 || later < 1 {
		t.Errorf("%d parts were sent, %d of them from behind the begin; want at least 2 and 1", parts, later)
	}
	p.wantNoErrors()
}
