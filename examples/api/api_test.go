package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

func serve(t *testing.T) *quarttest.Client {
	t.Helper()
	return quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}))
}

// raw sends a body as it stands.
func raw(r *quarttest.Request, body string) *quarttest.Request {
	return r.Body("application/json", []byte(body))
}

func TestEcho(t *testing.T) {
	cl := serve(t)
	for _, body := range []string{`{"a":"b"}`, `[1,2.5,true]`, `"text"`, `7`, `null`, `{}`} {
		want := `{"input":` + body + `,"extra":true}`
		if got := raw(cl.Post("/echo"), body).Want(200).Text(); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	raw(cl.Post("/echo"), `{"a":`).Want(400)
	raw(cl.Post("/echo"), "").Want(400)
	cl.Post("/echo").Body("text/plain", []byte("{}")).Want(415)
}

func TestCreate(t *testing.T) {
	cl := serve(t)
	tests := []struct {
		name, body, want string
	}{
		{"a task", `{"task":"Abc"}`, `{"id":1,"task":"Abc","due":null,"done":false}`},
		{"no date", `{"task":"Abc","due":null}`, `{"id":2,"task":"Abc","due":null,"done":false}`},
		{
			"all of it", `{"task":"Åbc","due":"2030-05-01T12:00:00+02:00","done":true}`,
			`{"id":3,"task":"Åbc","due":"2030-05-01T12:00:00+02:00","done":true}`,
		},
		{"an id is not the client's", `{"id":9,"task":"Abc"}`, `{"id":4,"task":"Abc","due":null,"done":false}`},
		{"the longest task", `{"task":"` + strings.Repeat("é", 200) + `"}`, `{"id":5,"task":"` + strings.Repeat("é", 200) + `","due":null,"done":false}`},
	}
	for i, tt := range tests {
		resp := raw(cl.Post("/todos/"), tt.body).Want(201)
		if resp.Text() != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, resp.Text(), tt.want)
		}
		where := fmt.Sprint("/todos/", i+1)
		if got := resp.Header("Location"); got != where {
			t.Errorf("%s: Location %q, want %q", tt.name, got, where)
		}
		if got := cl.Get(where).Want(200).Text(); got != tt.want {
			t.Errorf("%s: then %s, want %s", tt.name, got, tt.want)
		}
	}
}

// problem is what tests look at of one.
type problem struct {
	Errors []struct {
		Location string `json:"location"`
		Pointer  string `json:"pointer"`
	} `json:"errors"`
}

// wrong lists the values that an answer complains of.
func wrong(r *quarttest.Response) string {
	var list []string
	for _, e := range quarttest.Decode[problem](r).Errors {
		list = append(list, e.Location+" "+e.Pointer)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func TestInvalid(t *testing.T) {
	cl := serve(t)
	raw(cl.Post("/todos/"), `{"task":"Abc"}`).Want(201)
	tests := []struct {
		method, target, body string
		status               int
		wrong                string
	}{
		{"POST", "/todos/", `{}`, 422, "body /task"},
		{"POST", "/todos/", `{"task":""}`, 422, "body /task"},
		{"POST", "/todos/", `{"task":null}`, 422, "body /task"},
		{"POST", "/todos/", `{"Task":"Abc"}`, 422, "body /task"},
		{"POST", "/todos/", `{"task":"` + strings.Repeat("é", 201) + `"}`, 422, "body /task"},
		{"POST", "/todos/", `{"task":7,"due":"tomorrow","done":"yes"}`, 422, "body /done, body /due, body /task"},
		{"POST", "/todos/", `null`, 422, "body /task"},
		{"POST", "/todos/", `[]`, 422, "body "},
		{"POST", "/todos/", `{"task":"a","task":"b"}`, 400, ""},
		{"POST", "/todos/", ``, 400, ""},
		{"PUT", "/todos/1", `{"task":""}`, 422, "body /task"},
		{"PUT", "/todos/2", `{"task":"Abc"}`, 404, ""},
		{"PUT", "/todos/x", `{"task":"Abc"}`, 404, ""},
		{"GET", "/todos/?limit=0", "", 422, "query limit"},
		{"GET", "/todos/?limit=101", "", 422, "query limit"},
		{"GET", "/todos/?limit=many&done=perhaps&after=-1", "", 422, "query after, query done, query limit"},
		{"GET", "/todos/2", "", 404, ""},
		{"GET", "/todos/99999999999999999999", "", 404, ""},
		{"DELETE", "/todos/2", "", 404, ""},
		{"PATCH", "/todos/1", `{}`, 405, ""},
	}
	for _, tt := range tests {
		r := cl.Do(tt.method, tt.target)
		if tt.body != "" {
			r = raw(r, tt.body)
		}
		resp := r.Want(tt.status)
		if got := wrong(resp); got != tt.wrong {
			t.Errorf("%s %s %s: wrong is %q, want %q", tt.method, tt.target, tt.body, got, tt.wrong)
		}
	}
	if got := cl.Get("/todos/").Want(200).Text(); got != `[{"id":1,"task":"Abc","due":null,"done":false}]` {
		t.Errorf("the list is %s", got)
	}
}

func TestFind(t *testing.T) {
	cl := serve(t)
	if got := cl.Get("/todos/").Want(200).Text(); got != "[]" {
		t.Errorf("an empty list is %s", got)
	}
	for i := range 30 {
		cl.Post("/todos/").JSON(TodoIn{Task: fmt.Sprint(i), Done: i%3 == 0}).Want(201)
	}
	cl.Delete("/todos/2").Want(204)
	tests := []struct {
		query string
		want  []int64
	}{
		{"", []int64{1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21}},
		{"limit=3", []int64{1, 3, 4}},
		{"limit=3&after=1", []int64{3, 4, 5}},
		{"limit=3&after=2", []int64{3, 4, 5}},
		{"done=true&limit=4", []int64{1, 4, 7, 10}},
		{"done=false&limit=4", []int64{3, 5, 6, 8}},
		{"after=28", []int64{29, 30}},
		{"after=30", nil},
		{"after=9223372036854775807", nil},
	}
	for _, tt := range tests {
		var got []int64
		for _, todo := range quarttest.Decode[[]Todo](cl.Get("/todos/?" + tt.query).Want(200)) {
			got = append(got, todo.ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.query, got, tt.want)
		}
	}
}

func TestReplaceAndRemove(t *testing.T) {
	cl := serve(t)
	raw(cl.Post("/todos/"), `{"task":"a","due":"2030-05-01T12:00:00Z"}`).Want(201)
	const want = `{"id":1,"task":"b","due":null,"done":true}`
	for range 2 { // PUT may be repeated
		if got := raw(cl.Put("/todos/1"), `{"task":"b","done":true}`).Want(200).Text(); got != want {
			t.Errorf("the answer is %s, want %s", got, want)
		}
	}
	if got := cl.Get("/todos/1").Want(200).Text(); got != want {
		t.Errorf("then it is %s, want %s", got, want)
	}
	if got := cl.Delete("/todos/1").Want(204).Text(); got != "" {
		t.Errorf("DELETE answers %q", got)
	}
	cl.Delete("/todos/1").Want(404)
	if got := raw(cl.Post("/todos/"), `{"task":"c"}`).Want(201).Header("Location"); got != "/todos/2" {
		t.Errorf("an id was given twice: %s", got)
	}
}

func TestFull(t *testing.T) {
	l := &todoList{}
	for i := range maxTodos {
		if _, ok := l.add(TodoIn{}); !ok {
			t.Fatalf("full at %d", i)
		}
	}
	if _, ok := l.add(TodoIn{}); ok {
		t.Error("there is no end")
	}
	l.remove(1)
	if todo, ok := l.add(TodoIn{}); !ok || todo.ID != maxTodos+1 {
		t.Errorf("after a removal: %v, %v", todo, ok)
	}
}

// TestDocument: each route, and no other, is documented with what its types say.
func TestDocument(t *testing.T) {
	cl := serve(t)
	type operation struct {
		Summary   string         `json:"summary"`
		Responses map[string]any `json:"responses"`
	}
	doc := quarttest.Decode[struct {
		OpenAPI    string                          `json:"openapi"`
		Paths      map[string]map[string]operation `json:"paths"`
		Components struct {
			Schemas map[string]struct {
				Required   []string                  `json:"required"`
				Properties map[string]map[string]any `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}](cl.Get("/openapi.json").Want(200))
	want := map[string]string{"/echo": "post", "/todos/": "get post", "/todos/{id}": "delete get put"}
	for path, methods := range doc.Paths {
		if got := strings.Join(slices.Sorted(maps.Keys(methods)), " "); got != want[path] {
			t.Errorf("%s has %q, want %q", path, got, want[path])
		}
		for method, op := range methods {
			if op.Summary == "" {
				t.Errorf("%s %s has no summary", method, path)
			}
		}
	}
	if len(doc.Paths) != len(want) || !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("%d paths in OpenAPI %s", len(doc.Paths), doc.OpenAPI)
	}
	in := doc.Components.Schemas["TodoIn"]
	if task := in.Properties["task"]; !slices.Equal(in.Required, []string{"task"}) || task["maxLength"] != 200.0 || task["description"] != "What is to be done." {
		t.Errorf("TodoIn is %+v", in)
	}
	if create := doc.Paths["/todos/"]["post"].Responses; create["201"] == nil || create["422"] == nil {
		t.Errorf("a new to-do is answered with %v", slices.Collect(maps.Keys(create)))
	}
	if page := cl.Get("/").Follow().Want(200); page.Target != "/docs" || page.Header("Content-Security-Policy") == "" {
		t.Errorf("/ leads to %s", page.Target)
	}
}
