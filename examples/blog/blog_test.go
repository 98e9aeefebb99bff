package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/examples/internal/look"
	"github.com/goquart/quart/quarttest"
)

const browser = "text/html,application/xhtml+xml,*/*;q=0.8" // what a form's request accepts

func open(t *testing.T, path string) *store {
	t.Helper()
	s, err := openStore(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func serve(t *testing.T, p ...quarttest.Protocol) *quarttest.Client {
	t.Helper()
	s := open(t, filepath.Join(t.TempDir(), "blog.db"))
	return quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}, s), p...)
}

func send(cl *quarttest.Client, title, text string) *quarttest.Request {
	return cl.Post("/create/").Header("Accept", browser).Form("title", title, "text", text)
}

// wantAll wants each part in the page, in this order.
func wantAll(t *testing.T, page string, parts ...string) {
	t.Helper()
	rest := page
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Fatalf("the page lacks %q, or has it too early:\n%s", part, page)
		}
		rest = after
	}
}

func TestCreate(t *testing.T) {
	cl := serve(t)
	wantAll(t, cl.Get("/").Want(200).Text(), "<h1>Posts</h1>", "Nothing yet")
	wantAll(t, cl.Get("/create/").Want(200).Text(), `<form class="stack" method="post" action="/create/">`, `name="title" value=""`)

	resp := send(cl, "Post", "Text").Follow().Want(200)
	if len(resp.History) != 1 || resp.History[0].Status != 303 || resp.History[0].Header("Location") != "/#post-1" {
		t.Errorf("no redirect to the post: %+v", resp.History)
	}
	wantAll(t, resp.Text(), `id="post-1"`, "<h2>Post</h2>", `<p class="keep">Text</p>`)

	send(cl, "  Ein \t Titel ", "eins\r\n\r\n zwei\r\n").Want(303)
	wantAll(t, cl.Get("/").Want(200).Text(), "<h2>Ein Titel</h2>", "<p class=\"keep\">eins\n\n zwei</p>", "<h2>Post</h2>")

	send(cl, "<script>alert(1)</script>", `</p><img src=x onerror="alert(1)">&amp;`).Want(303)
	page := cl.Get("/").Want(200).Text()
	wantAll(t, page, "&lt;script&gt;", "&lt;/p&gt;&lt;img", "&amp;amp;")
	if strings.Contains(page, "<script>") || strings.Contains(page, "<img src=x") {
		t.Errorf("HTML got through: %s", page)
	}
}

func TestFormErrors(t *testing.T) {
	cl := serve(t)
	tests := []struct {
		name, title, text string
		want              []string
	}{
		{"no title", "", "Some text", []string{"Not posted yet", `aria-describedby="title-error"`, "The title is missing.", "\nSome text</textarea>"}},
		{"no text", "A title", "", []string{`value="A title"`, `aria-describedby="text-error"`, "The text is missing."}},
		{"neither", "", "", []string{"The title is missing.", "The text is missing."}},
		{"spaces", " \t ", "\r\n ", []string{"The title is missing.", "The text is missing."}},
		{"what is not seen", "\x00\u202e", "\x01", []string{"The title is missing.", "The text is missing."}},
		{"a long title", strings.Repeat("é", maxTitle+1), "x", []string{strings.Repeat("é", maxTitle+1), "The title must have at most 120 characters."}},
		{"a long text", "x", strings.Repeat("é", maxText+1), []string{"The text must have at most 10000 characters."}},
		{"escaped", `"><b>`, "", []string{`value="&quot;&gt;&lt;b&gt;"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantAll(t, send(cl, tt.title, tt.text).Want(422).Text(), tt.want...)
		})
	}
	wantAll(t, cl.Post("/create/").Form("other", "x").Want(422).Text(), "The title is missing.", "The text is missing.")
	wantAll(t, cl.Post("/create/").Want(422).Text(), "The title is missing.", "The text is missing.")
	wantAll(t, cl.Get("/").Want(200).Text(), "Nothing yet")

	send(cl, strings.Repeat("é", maxTitle), strings.Repeat("é", maxText)).Want(303) // the most that the database takes, too
	send(cl, "\xff\xfe", "bad \xc3 UTF-8").Want(303)
	wantAll(t, cl.Get("/").Want(200).Text(), "<h2>\uFFFD</h2>", "bad \uFFFD UTF-8")
}

func TestRefused(t *testing.T) {
	cl := serve(t)
	send(cl, "x", strings.Repeat("y", 300<<10)).Want(413)
	cl.Post("/create/").JSON(map[string]string{"title": "x", "text": "y"}).Want(415)
	cl.Put("/create/").Form("title", "x", "text", "y").Want(405)
	cl.Get("/create").Follow().Want(200)
	wantAll(t, cl.Get("/?before=x").Header("Accept", browser).Want(422).Text(), "That did not work")
	cl.Get("/?before=-1").Want(422)
	wantAll(t, cl.Get("/").Want(200).Text(), "Nothing yet")
}

func TestOwnForms(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		cl := serve(t, p)
		own, other := "http://localhost", "https://localhost"
		if p == quarttest.HTTP2 {
			own, other = other, own
		}
		tests := []struct {
			site, origin string
			status       int
		}{
			{"", "", 303}, // curl
			{"same-origin", "", 303},
			{"same-origin", own, 303},
			{"none", "", 303},
			{"cross-site", "", 403},
			{"cross-site", own, 403},
			{"same-site", "http://evil.localhost", 403},
			{"", own, 303}, // a browser that reached us over http, by another name
			{"", other, 403},
			{"", own + ":81", 403},
			{"", own + ".evil.example", 403},
			{"", "http://evil.example", 403},
			{"", "null", 403},
		}
		posts := 0
		for _, tt := range tests {
			r := send(cl, "Title", "Text")
			if tt.site != "" {
				r.Header("Sec-Fetch-Site", tt.site)
			}
			if tt.origin != "" {
				r.Header("Origin", tt.origin)
			}
			if got := r.Send().Status; got != tt.status {
				t.Errorf("Sec-Fetch-Site %q, Origin %q: %d, want %d", tt.site, tt.origin, got, tt.status)
			}
			if tt.status == 303 {
				posts++
			}
		}
		if got := strings.Count(cl.Get("/").Header("Sec-Fetch-Site", "cross-site").Want(200).Text(), "<article"); got != posts {
			t.Errorf("%d posts, want %d", got, posts)
		}
	})
}

func TestPages(t *testing.T) {
	cl := serve(t)
	for i := range perPage + 5 {
		send(cl, fmt.Sprint("Title ", i+1), "Text").Want(303)
	}
	page := cl.Get("/").Want(200).Text()
	wantAll(t, page, "<h2>Title 25</h2>", "<h2>Title 6</h2>", `<a class="button plain" rel="next" href="/?before=6">Older</a>`)
	if strings.Contains(page, "<h2>Title 5</h2>") {
		t.Error("the page has too many posts")
	}
	page = cl.Get("/?before=6").Want(200).Text()
	wantAll(t, page, "Older posts", "<h2>Title 5</h2>", "<h2>Title 1</h2>", `<a class="button plain" href="/">Newest</a>`)
	if strings.Contains(page, ">Older<") {
		t.Error("the last page leads on")
	}
	wantAll(t, cl.Get("/?before=1").Want(200).Text(), "There is nothing older")
}

// TestReopen: what was answered is there after a restart, and a file that is not ours is left alone.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "50% of?a#b.db")
	s := open(t, path)
	cl := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}, s))
	send(cl, "First", "Text").Want(303)
	second := open(t, path) // beside the first
	wantAll(t, quarttest.New(t, newApp(quart.Config{}, second)).Get("/").Want(200).Text(), "<h2>First</h2>")
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}

	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("Dear diary\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := openStore(text); err == nil {
		t.Error("a text is taken for a database")
		_ = s.close()
	}
}

// TestHead: every page has a strict policy, a language, a title and labels.
func TestHead(t *testing.T) {
	cl := serve(t)
	for target, status := range map[string]int{"/": 200, "/create/": 200, "/?before=x": 422} {
		resp := cl.Get(target).Header("Accept", browser).Want(status)
		if resp.Header("Content-Security-Policy") != look.CSP {
			t.Errorf("%s has the policy %q", target, resp.Header("Content-Security-Policy"))
		}
		wantAll(t, resp.Text(), `<html lang="en">`, "<title>", "<h1>")
	}
	wantAll(t, cl.Get("/create/").Want(200).Text(), `<label for="title">`, `id="title"`, `<label for="text">`, `id="text"`)
}
