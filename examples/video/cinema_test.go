package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

// TestFilm: the drawn film and one of the file system are served alike.
func TestFilm(t *testing.T) {
	other := append(bytes.Clone(drawn), "and more"...)
	path := filepath.Join(t.TempDir(), "other.webm")
	if err := os.WriteFile(path, other, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		path string
		film []byte
	}{"drawn": {"", drawn}, "of the file system": {path, other}} {
		t.Run(name, func(t *testing.T) {
			cl := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}, tt.path))
			whole := cl.Get("/film").Want(200)
			if !bytes.Equal(whole.Bytes(), tt.film) || whole.Header("Content-Type") != "video/webm" || whole.Header("Accept-Ranges") != "bytes" {
				t.Errorf("%d bytes, head %s", len(whole.Bytes()), whole.Head())
			}
			part := cl.Get("/film").Header("Range", "bytes=100000-").Want(206)
			if !bytes.Equal(part.Bytes(), tt.film[100_000:]) {
				t.Errorf("the part has %d bytes, want %d", len(part.Bytes()), len(tt.film)-100_000)
			}
			tag := whole.Header("ETag")
			if tag == "" {
				t.Fatal("no ETag")
			}
			cl.Get("/film").Header("If-None-Match", tag).Want(304)
			cl.Get("/film").Header("Range", "bytes=5-9").Header("If-Range", `"another film"`).Want(200)
		})
	}
}

// TestRequests: all that was asked for is noted, with what came of it, the latest first.
func TestRequests(t *testing.T) {
	cl := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}, ""))
	if got := cl.Get("/requests").Want(200).Text(); got != "[]" {
		t.Errorf("at first %s", got)
	}
	cl.Get("/film").Header("Range", "bytes=0-9").Want(206)
	cl.Get("/film").Header("Range", "bytes=99999999-").Want(416)
	cl.Get("/film").Want(200)
	size := len(drawn)
	want := []request{
		{3, "", 200, ""},
		{2, "bytes=99999999-", 416, "bytes */" + strconv.Itoa(size)},
		{1, "bytes=0-9", 206, "bytes 0-9/" + strconv.Itoa(size)},
	}
	if got := quarttest.Decode[[]request](cl.Get("/requests").Want(200)); !reflect.DeepEqual(got, want) {
		t.Errorf("requests %+v\nwant %+v", got, want)
	}
	for range noted {
		cl.Head("/film").Want(200)
	}
	got := quarttest.Decode[[]request](cl.Get("/requests").Want(200))
	if len(got) != noted || got[0].Number != noted+3 {
		t.Errorf("after %d more there are %d, the latest %+v", noted, len(got), got[0])
	}
}

func TestNoFilm(t *testing.T) {
	cl := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}, filepath.Join(t.TempDir(), "none.webm")))
	cl.Get("/film").Want(404)
	if got := quarttest.Decode[[]request](cl.Get("/requests").Want(200)); len(got) != 1 || got[0].Status != 404 {
		t.Errorf("%+v, want a 404", got)
	}
}

func TestPage(t *testing.T) {
	cl := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}, ""))
	page := cl.Get("/").Want(200)
	if csp := page.Header("Content-Security-Policy"); !strings.Contains(csp, "media-src 'self'") {
		t.Errorf("Content-Security-Policy %q: the film would not play", csp)
	}
	for _, file := range []string{"/style.css", "/page.css", "/page.js", "/icon.svg"} {
		if !strings.Contains(page.Text(), `"`+file+`"`) {
			t.Errorf("the page does not ask for %s", file)
		}
		cl.Get(file).Want(200)
	}
}
