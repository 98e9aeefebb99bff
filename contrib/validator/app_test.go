package validator_test

import (
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/contrib/validator"
	"github.com/goquart/quart/quarttest"
)

type problem struct {
	Errors []struct {
		Location string `json:"location"`
		Pointer  string `json:"pointer"`
		Detail   string `json:"detail"`
	} `json:"errors"`
}

type paging struct {
	Page int   `query:"page" default:"1" validate:"min=1"`
	IDs  []int `query:"id" validate:"dive,min=1"`
}

type input struct {
	paging
	Group struct {
		Key string `header:"X-Key" validate:"required"`
	}
	Session string `cookie:"sid" validate:"omitempty,len=4"`
	Body    *body  `body:""`
}

type body struct {
	Items []Item `json:"items" validate:"min=1,dive"`
}

type form struct {
	Name string   `form:"name" validate:"required"`
	Tags []string `form:"tag" validate:"dive,min=2"`
}

func newApp(t *testing.T) *quart.App {
	app := quart.New(quart.Config{Validator: validator.New(nil), Log: quarttest.Log(t)})
	quart.Post(app, "/in/{tenant}", func(*quart.Ctx, input) (string, error) { return "ok", nil })
	quart.Post(app, "/list", func(*quart.Ctx, []Item) (string, error) { return "ok", nil })
	quart.Post(app, "/form", func(*quart.Ctx, form) (string, error) { return "ok", nil })
	quart.Post(app, "/broken", func(*quart.Ctx, struct {
		A int `json:"a" validate:"nosuchrule"`
	},
	) (string, error) {
		return "ok", nil
	})
	quart.Get(app, "/none", func(*quart.Ctx, quart.None) (string, error) { return "ok", nil })
	return app
}

func TestApp(t *testing.T) {
	const fine = `{"items":[{"name":"ab"}]}`
	tests := []struct {
		name   string
		target string
		header [2]string
		body   string
		want   []string
	}{
		{"good", "/in/a?page=2&id=1", [2]string{"X-Key", "k"}, fine, nil},
		{"query", "/in/a?page=0", [2]string{"X-Key", "k"}, fine, []string{"query page: must be at least 1"}},
		{"item of a query", "/in/a?id=5&id=0", [2]string{"X-Key", "k"}, fine, []string{"query id: item 2 must be at least 1"}},
		{"header in a group", "/in/a", [2]string{"X-No", "k"}, fine, []string{"header X-Key: is required"}},
		{"body", "/in/a", [2]string{"X-Key", "k"}, `{"items":[{"name":"ab"},{"name":"a"}]}`, []string{"body /items/1/name: must have at least 2 characters"}},
		{"no items", "/in/a", [2]string{"X-Key", "k"}, `{}`, []string{"body /items: must have at least 1 item"}},
		{"all", "/in/a?page=0", [2]string{"Cookie", "sid=abc"}, `{"items":[{}]}`, []string{
			"query page: must be at least 1", "header X-Key: is required", "cookie sid: must have exactly 4 characters", "body /items/0/name: is required",
		}},
		{"list", "/list", [2]string{"X-Key", "k"}, `[{"name":"ab"},{}]`, []string{"body /1/name: is required"}},
		{"empty list", "/list", [2]string{"X-Key", "k"}, `[]`, nil},
	}
	cl := quarttest.New(t, newApp(t))
	for _, tt := range tests {
		r := cl.Post(tt.target).Header(tt.header[0], tt.header[1]).Body("application/json", []byte(tt.body))
		if tt.want == nil {
			r.Want(200)
			continue
		}
		wantProblem(t, tt.name, r.Want(422), tt.want)
	}
}

func wantProblem(t *testing.T, name string, resp *quarttest.Response, want []string) {
	t.Helper()
	p := quarttest.Decode[problem](resp)
	var got []string
	for _, e := range p.Errors {
		got = append(got, e.Location+" "+e.Pointer+": "+e.Detail)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestForm(t *testing.T) {
	cl := quarttest.New(t, newApp(t))
	cl.Post("/form").Form("name", "a", "tag", "ab").Want(200)
	resp := cl.Post("/form").Form("tag", "ab", "tag", "b").Want(422)
	wantProblem(t, "form", resp, []string{"form name: is required", "form tag: item 2 must have at least 2 characters"})
}

// TestNothing: a route without an input is none of its business, and a rule that does not exist is the program's fault.
func TestNothing(t *testing.T) {
	cl := quarttest.New(t, newApp(t))
	cl.Get("/none").Want(200)
	cl.Post("/broken").JSON(map[string]int{"a": 1}).Want(500)
}
