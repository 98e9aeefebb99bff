package openapi_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goquart/quart"
	"github.com/goquart/quart/openapi"
	"github.com/goquart/quart/quarttest"
)

// newDocs is an app with a document and its pages.
func newDocs(t *testing.T, cfg openapi.Config) *quarttest.Client {
	t.Helper()
	app := quart.New(quart.Config{})
	app.Get("/hello", func(c *quart.Ctx) error { return c.Text(200, "hello") })
	openapi.Serve(app, cfg)
	return quarttest.New(t, app)
}

var (
	pageLink = regexp.MustCompile(`(?:href|src|data-document|data-server)="([^"]*)"`)
	asset    = regexp.MustCompile(`\./(?:\.\./)?(?:[a-z/]*/)?assets/[^"]*`)
)

// TestUIPages: the pages say what they are, run nothing that is in them, and link to what there is, relative to themselves.
func TestUIPages(t *testing.T) {
	tests := []struct {
		name  string
		cfg   openapi.Config
		path  string
		title string
		links []string // besides the assets
	}{
		{
			"swagger",
			openapi.Config{Title: `Films & "friends" <b>`},
			"/docs", "Films &amp; &#34;friends&#34; &lt;b&gt;: Swagger UI",
			[]string{"./openapi.json", "./", "./docs", "./docs/reference", "./openapi.json", "./openapi.yaml"},
		},
		{
			"reference",
			openapi.Config{},
			"/docs/reference", "API: Reference",
			[]string{"./../openapi.json", "./../", "./../docs", "./../docs/reference", "./../openapi.json", "./../openapi.yaml"},
		},
		{
			"elsewhere",
			openapi.Config{UI: "/a/b c", Path: "/x/films.json"},
			"/a/b%20c", "API: Swagger UI",
			[]string{"./../x/films.json", "./../", "./../a/b%20c", "./../a/b%20c/reference", "./../x/films.json", "./../x/films.yaml"},
		},
		{
			"root",
			openapi.Config{UI: "/"},
			"/", "API: Swagger UI",
			[]string{"./openapi.json", "./", "./", "./reference", "./openapi.json", "./openapi.yaml"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client := newDocs(t, tt.cfg)
			resp := client.Get(tt.path).Want(200)
			page := resp.Text()
			if !strings.Contains(page, "<title>"+tt.title+"</title>") {
				t.Errorf("no title %q in\n%s", tt.title, page)
			}
			if got := resp.Header("Content-Type"); got != "text/html; charset=utf-8" {
				t.Errorf("Content-Type %q", got)
			}
			var links []string
			for _, m := range pageLink.FindAllStringSubmatch(page, -1) {
				switch link := m[1]; {
				case link == "data:,":
				case strings.Contains(link, "/assets/"):
					client.Get(resolve(tt.path, link)).Want(200)
				default:
					links = append(links, link)
				}
			}
			if got, want := strings.Join(links, "\n"), strings.Join(tt.links, "\n"); got != want {
				t.Errorf("links:\n%s\nwant:\n%s", got, want)
			}
			for _, link := range links[2:] {
				client.Get(resolve(tt.path, link)).Want(200)
			}
			if got := regexp.MustCompile(`<script[^>]*>[^<]|<style| style=| on[a-z]+=`).FindString(page); got != "" {
				t.Errorf("the page has %q, which its policy forbids", got)
			}
			client.Get(tt.path).Header("If-None-Match", resp.Header("ETag")).Want(304)
		})
	}
}

// resolve follows a relative link from a path.
func resolve(from, link string) string { return path.Join(path.Dir(from), link) }

// TestUIPolicy: the pages may do nothing that they need not, but for requests to the servers of the document.
func TestUIPolicy(t *testing.T) {
	const common = "default-src 'none'; script-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
	servers := []openapi.Server{
		{URL: "/v1"},
		{URL: "https://api.example.com/v1"},
		{URL: "http://127.0.0.1:8080"},
		{URL: "https://{tenant}.example.com"},
		{URL: "https://a.example;script-src *"},
		{URL: "ftp://b.example"},
		{URL: "https://*.example.com"},
	}
	tests := []struct {
		path, want string
		servers    []openapi.Server
	}{
		{"/docs", common + "style-src 'self'; connect-src 'self'", nil},
		{"/docs/reference", common + "style-src 'self' 'sha256-MBVp6JYxbC/wICelYC6eULCRpgi9kGezXXSaq/TS2+I='; connect-src 'self'", nil},
		{"/docs", common + "style-src 'self'; connect-src 'self' https://api.example.com http://127.0.0.1:8080", servers},
	}
	for _, tt := range tests {
		got := newDocs(t, openapi.Config{Servers: tt.servers}).Get(tt.path).Want(200).Header("Content-Security-Policy")
		if got != tt.want {
			t.Errorf("%s: policy\n%s\nwant\n%s", tt.path, got, tt.want)
		}
	}
}

// TestUIAssets: assets are kept for ever under names that change with them, and sent as they are embedded, or as they were before that.
func TestUIAssets(t *testing.T) {
	client := newDocs(t, openapi.Config{})
	names := map[string]bool{}
	for _, page := range []string{"/docs", "/docs/reference"} {
		for _, link := range asset.FindAllString(client.Get(page).Want(200).Text(), -1) {
			names[resolve(page, link)] = true
		}
	}
	if len(names) != 6 {
		t.Errorf("assets %v, want two scripts and two style sheets of others, and one of each of our own", names)
	}
	for name := range names {
		t.Run(path.Base(name), func(t *testing.T) {
			plain := client.Get(name).Header("Accept-Encoding", "identity").Want(200)
			if got := plain.Header("Cache-Control"); got != "public, max-age=31536000, immutable" {
				t.Errorf("Cache-Control %q", got)
			}
			if got := plain.Header("Content-Encoding"); got != "" {
				t.Errorf("Content-Encoding %q without asking", got)
			}
			client.Get(name).Header("If-None-Match", plain.Header("ETag")).Header("Accept-Encoding", "identity").Want(304)
			if strings.HasPrefix(path.Base(name), "docs-") {
				return // too small to be compressed
			}
			packed := client.Get(name).Header("Accept-Encoding", "gzip").Want(200)
			if packed.Header("Content-Encoding") != "gzip" || packed.Header("Vary") != "Accept-Encoding" || packed.Header("ETag") == plain.Header("ETag") {
				t.Errorf("compressed: encoding %q, Vary %q, ETag %q and %q", packed.Header("Content-Encoding"), packed.Header("Vary"), packed.Header("ETag"), plain.Header("ETag"))
			}
			r, err := gzip.NewReader(strings.NewReader(packed.Text()))
			if err != nil {
				t.Fatal(err)
			}
			if unpacked, err := io.ReadAll(r); err != nil || !bytes.Equal(unpacked, []byte(plain.Text())) {
				t.Errorf("%d bytes and %v unpacked, %d plain", len(unpacked), err, len(plain.Text()))
			}
			if len(packed.Text()) > len(plain.Text())/3 {
				t.Errorf("%d bytes of %d", len(packed.Text()), len(plain.Text()))
			}
		})
	}
	client.Get("/docs/assets/").Want(404)
	client.Get("/docs/assets/docs.js").Want(404)
}

// TestUIOff: "-" is no pages.
func TestUIOff(t *testing.T) {
	client := newDocs(t, openapi.Config{UI: "-"})
	client.Get("/openapi.json").Want(200)
	client.Get("/docs").Want(404)
	client.Get("/docs/reference").Want(404)
}

// TestUIHidden: the pages are in no document, do not take the names of the app's own routes, and can be there twice.
func TestUIHidden(t *testing.T) {
	app := quart.New(quart.Config{})
	app.Static("/static", fstest.MapFS{"x.css": {Data: []byte("p {}")}}).Doc(quart.Doc{Hidden: true})
	openapi.Serve(app, openapi.Config{})
	openapi.Serve(app, openapi.Config{UI: "/admin/docs", Path: "/admin/openapi.json"})
	if got := app.URL("static", "path", "x.css"); got != "/static/x.css" {
		t.Errorf("URL of static %q", got)
	}
	client := quarttest.New(t, app)
	client.Get("/admin/docs/reference").Want(200)
	if text := client.Get("/openapi.json").Want(200).Text(); strings.Contains(text, "docs") {
		t.Errorf("the document describes its pages:\n%s", text)
	}
}

// TestUIPanics: a path that is none is a mistake of the program.
func TestUIPanics(t *testing.T) {
	for _, ui := range []string{"docs", "/{x}"} {
		func() {
			defer func() {
				if err, _ := recover().(string); !strings.Contains(err, "Config.UI") {
					t.Errorf("UI %q: panic %q", ui, err)
				}
			}()
			openapi.Serve(quart.New(quart.Config{}), openapi.Config{UI: ui})
		}()
	}
}
