package openapi_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// visit is what docs.mjs has seen of a page.
type visit struct {
	Viewer, ColorScheme string
	Width               int
	Errors              []string // on the console: exceptions, and what the page's policy forbids
	Elsewhere, Failed   []string // requests
	Requests            []string // "GET /docs 200"
	Answer              string   // what is shown of the operation's answer
	Alert               string
	Title, Lang, Text   string
	Over                int // pixels that are wider than the window
	Busy                *string
	Links               []string
	Lightness           int // of the background, up to 255
}

// window is one that a page is looked at in.
type window struct {
	Width       int    `json:"width"`
	Height      int    `json:"height"`
	ColorScheme string `json:"colorScheme"`
}

// windows are a desktop, a phone, and the smallest of phones.
var windows = []window{{1280, 800, "light"}, {1280, 800, "dark"}, {390, 844, "light"}, {390, 844, "dark"}, {320, 568, "light"}}

type job struct {
	Base       string            `json:"base"`
	Windows    []window          `json:"windows"`
	Operation  string            `json:"operation"`
	Parameters map[string]string `json:"parameters"`
	Pictures   string            `json:"pictures,omitempty"`
	Broken     bool              `json:"broken,omitempty"`
}

func (j job) run(t *testing.T) []visit {
	t.Helper()
	arg, _ := json.Marshal(j)
	out, err := command("node", "docs.mjs", mustFind(t, chromium()), string(arg))
	if err != nil {
		t.Fatal(err)
	}
	var all []visit
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return all
}

// TestDocs: in a browser that finds no other host both pages show the document, and execute an operation of it.
func TestDocs(t *testing.T) {
	need(t)
	tests := []struct {
		name      string
		base      func(t *testing.T) string
		windows   []window
		operation string
		id        string
		request   string
		answer    string // part of it
		title     string
		text      string
	}{
		{"films", serveFilms, windows, "getFilm", "995", "GET /films/995/ 200", "release_year", "Films", "One film"},
		{"zoo", serveZoo, windows[2:], "getAnimal", "1", "GET /animals/1 200", `"Ada"`, `Zoo & "friends" <b>`, "One animal"},
		{"behind", serveBehind, windows[:1], "getAnimal", "1", "GET /animals/1 200", `"Ada"`, `Zoo & "friends" <b>`, "One animal"},
		{"missing", serveZoo, windows[:1], "getAnimal", "7", "GET /animals/7 404", "there is no animal 7", `Zoo & "friends" <b>`, "One animal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			base := tt.base(t)
			all := job{
				Base: base, Windows: tt.windows, Operation: tt.operation, Parameters: map[string]string{"id": tt.id},
				Pictures: pictures(t, tt.name),
			}.run(t)
			if len(all) != 2*len(tt.windows) {
				t.Fatalf("%d visits, want those of two pages in %d windows", len(all), len(tt.windows))
			}
			for i := range all {
				v := &all[i]
				v.check(t, base)
				if !slices.Contains(v.Requests, tt.request) {
					t.Errorf("%s: no %q among the requests %q", v.name(), tt.request, v.Requests)
				}
				if !strings.Contains(v.Answer, tt.answer) {
					t.Errorf("%s: the answer is shown as %q, want %q in it", v.name(), v.Answer, tt.answer)
				}
				if !strings.HasPrefix(v.Title, tt.title+": ") || !strings.Contains(v.Text, tt.title) || !strings.Contains(v.Text, tt.text) {
					t.Errorf("%s: title %q, and the page shows:\n%s", v.name(), v.Title, v.Text)
				}
			}
		})
	}
}

// pictures is where the pictures go, if they are wanted: they take half of the time.
func pictures(t *testing.T, name string) string {
	t.Helper()
	if f := flag.Lookup("test.artifacts"); f == nil || f.Value.String() != "true" {
		return ""
	}
	return filepath.Join(t.ArtifactDir(), name)
}

// check wants what is the same for all pages.
func (v *visit) check(t *testing.T, base string) {
	t.Helper()
	missing := func(s string) bool { return strings.Contains(s, "404 (Not Found)") } // the operation's own answer
	if errs := slices.DeleteFunc(v.Errors, missing); len(errs) > 0 {
		t.Errorf("%s: on the console: %q", v.name(), errs)
	}
	if len(v.Elsewhere) > 0 || len(v.Failed) > 0 {
		t.Errorf("%s: requests to other hosts %q, failed ones %q", v.name(), v.Elsewhere, v.Failed)
	}
	if v.Over > 0 {
		t.Errorf("%s: %d pixels wider than the window", v.name(), v.Over)
	}
	if v.Lang != "en" || v.Busy != nil {
		t.Errorf("%s: lang %q, busy %v", v.name(), v.Lang, v.Busy)
	}
	if dark := v.Lightness < 128; dark != (v.ColorScheme == "dark") {
		t.Errorf("%s: a background of %d", v.name(), v.Lightness)
	}
	if want := []string{base + "docs", base + "docs/reference", base + "openapi.json", base + "openapi.yaml"}; !slices.Equal(v.Links, want) {
		t.Errorf("%s: links to %q, want %q", v.name(), v.Links, want)
	}
}

func (v *visit) name() string { return v.Viewer + " " + v.ColorScheme + " " + strconv.Itoa(v.Width) }

// TestDocsFail: a document that cannot be had is said so in words.
func TestDocsFail(t *testing.T) {
	need(t)
	for _, v := range (job{Base: serveZoo(t), Windows: windows[:1], Operation: "getAnimal", Broken: true}).run(t) {
		if !strings.HasPrefix(v.Alert, "The document could not be shown: the server answered 503") || v.Busy != nil {
			t.Errorf("%s: the page says %q, busy %v", v.Viewer, v.Alert, v.Busy)
		}
	}
}

// serveBehind is the zoo behind a proxy that takes a prefix away.
func serveBehind(t *testing.T) string {
	t.Helper()
	zoo, err := url.Parse(serveZoo(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.StripPrefix("/behind/it", httputil.NewSingleHostReverseProxy(zoo)))
	t.Cleanup(proxy.Close)
	return proxy.URL + "/behind/it/"
}
