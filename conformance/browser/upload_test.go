package browser_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// picture makes a file of size bytes that begins as a PNG does, and returns its path and hash.
func picture(t *testing.T, size int64) (path, sum string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "picture.png")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	const head = "\x89PNG\r\n\x1a\n"
	body := io.MultiReader(strings.NewReader(head), rand.NewChaCha8([32]byte{1}))
	if _, err := io.CopyN(io.MultiWriter(f, h), body, size); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path, hex.EncodeToString(h.Sum(nil))
}

// uploads is the upload example, with its folder and a page of it.
type uploads struct {
	*server
	*page
	t   *testing.T
	dir string
}

func newUploads(t *testing.T, args ...string) *uploads {
	t.Helper()
	p := newPage(t)
	dir := t.TempDir()
	s := serve(t, "upload", append([]string{"-dir", dir}, args...)...)
	p.open(s.url("/"))
	return &uploads{s, p, t, dir}
}

func (u *uploads) send(path string) {
	u.t.Helper()
	u.choose("#file", path)
	u.click("#form button")
}

// files is how many the server has, or is about to have.
func (u *uploads) files() int {
	entries, err := os.ReadDir(u.dir)
	if err != nil {
		u.t.Fatal(err)
	}
	return len(entries)
}

const state = `document.querySelector(".state").innerText`

// TestUpload: the bar reaches its end, the answer has size and hash, and the file is listed.
func TestUpload(t *testing.T) {
	u := newUploads(t)
	path, sum := picture(t, 24<<20)
	u.throttle(40 << 20) // so that progress can be seen
	eval[any](u.page, `void (window.seen = new Set(), new MutationObserver(() => seen.add(document.querySelector("progress")?.value))
		.observe(document.querySelector("#list"), { subtree: true, childList: true, attributes: true, characterData: true }))`)
	u.send(path)
	u.until(state + `.startsWith("Received")`)
	if want, got := "Received: 24 MiB, SHA-256 "+sum, eval[string](u.page, state); got != want {
		t.Errorf("the page says %q, want %q", got, want)
	}
	if got := eval[float64](u.page, `document.querySelector("progress").value`); got != 1 {
		t.Errorf("the bar is at %v, want its end", got)
	}
	if n := eval[int](u.page, `[...seen].filter((v) => v > 0 && v < 1).length`); n == 0 {
		t.Error("the bar showed no value between its begin and its end")
	}
	u.until(`document.querySelector("#received th[scope=row]")?.innerText === "picture.png"`)
	if got := u.files(); got != 1 {
		t.Errorf("%d files, want 1", got)
	}
	u.wantNoErrors()
}

// TestUploadSeveral: files are sent one after the other, and one that is not taken stops none of the others.
func TestUploadSeveral(t *testing.T) {
	u := newUploads(t)
	path, _ := picture(t, 100_000)
	notes := filepath.Join(t.TempDir(), "notes.png")
	if err := os.WriteFile(notes, []byte("Dear diary"), 0o600); err != nil {
		t.Fatal(err)
	}
	u.choose("#file", path, notes, path)
	u.click("#form button")
	u.until(`document.querySelectorAll("#received tbody tr").length === 2`)
	states := eval[[]string](u.page, `Array.from(document.querySelectorAll(".state"), (s) => s.innerText)`)
	if len(states) != 3 || !strings.HasPrefix(states[0], "Received") || !strings.HasPrefix(states[2], "Received") ||
		states[1] != "Not taken (415): notes.png is neither a picture nor sound nor film." {
		t.Errorf("the page says %q", states)
	}
}

// TestUploadCancelled: the server notices, and nothing is left of the file.
func TestUploadCancelled(t *testing.T) {
	u := newUploads(t)
	path, _ := picture(t, 64<<20)
	u.throttle(4 << 20)
	u.send(path)
	u.until(`document.querySelector("progress").value > 0.02`)
	eventually(t, patience, "a partial file", func() bool { return u.files() == 1 })
	u.click(".cancel")
	u.until(state + ` === "Cancelled."`)
	eventually(t, 2*time.Second, "nothing left in the folder", func() bool { return u.files() == 0 })
}

// TestUploadRefused: the page has the server's words, although the server did not wait for the end of the file.
func TestUploadRefused(t *testing.T) {
	tests := []struct {
		name string
		args []string
		size int64
		rate int // of the page's network
		want string
	}{
		{"too large", []string{"-limit", "1"}, 3 << 20, -1, "Too large (413): an upload may have 1 MiB."},
		{"much too large", []string{"-limit", "1"}, 200 << 20, -1, "Too large (413): an upload may have 1 MiB."},
		{"too slow", []string{"-time", "500ms"}, 32 << 20, 1 << 20, "Too slow (408): an upload may take 500ms, and not stand still for long."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := newUploads(t, tt.args...)
			path, _ := picture(t, tt.size)
			u.throttle(tt.rate)
			u.send(path)
			// A browser repeats a request that is answered 408 on a connection that was used before (RFC 9110, section 15.5.9):
			// Chromium does so on each that it has, up to six.
			u.within(3*patience, fmt.Sprintf(`%s === %q`, state, tt.want))
			eventually(t, patience, "nothing left in the folder", func() bool { return u.files() == 0 })
		})
	}
}

// TestUploadWithoutScript: the form works as forms do.
func TestUploadWithoutScript(t *testing.T) {
	u := newUploads(t)
	u.open(u.url("/"))
	path, _ := picture(t, 100_000)
	u.choose("#file", path)
	eval[any](u.page, `void document.querySelector("#form").submit()`) // what the module does not see
	u.until(`location.hash === "#received" && document.querySelector("#received th[scope=row]").innerText === "picture.png"`)
}
