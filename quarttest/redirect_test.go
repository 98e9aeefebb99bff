package quarttest_test

import (
	"fmt"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

func redirectApp(t testing.TB) *quart.App {
	app := newApp(t)
	app.Handle(quart.MethodAny, "/go/{status:int}", func(c *quart.Ctx) error {
		c.SetCookie(quart.Cookie{Name: "was", Value: "here"})
		return c.Redirect(c.ParamInt("status"), c.Query("to"))
	})
	app.Handle(quart.MethodAny, "/dir/end", echo)
	app.Handle(quart.MethodAny, "/end", echo)
	return app
}

func TestFollow(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		const sent, unsent = `"data" type="text/plain" cookie="was=here"`, `"" type="" cookie="was=here"`
		tests := []struct {
			method string
			status int
			want   string
		}{
			{"POST", 301, "GET /end localhost " + unsent},
			{"POST", 302, "GET /end localhost " + unsent},
			{"POST", 303, "GET /end localhost " + unsent},
			{"PUT", 303, "GET /end localhost " + unsent},
			{"PUT", 301, "PUT /end localhost " + sent},
			{"PUT", 302, "PUT /end localhost " + sent},
			{"POST", 307, "POST /end localhost " + sent},
			{"POST", 308, "POST /end localhost " + sent},
		}
		cl := quarttest.New(t, redirectApp(t), p)
		for _, tt := range tests {
			t.Run(fmt.Sprint(tt.method, " ", tt.status), func(t *testing.T) {
				cl.ClearCookies()
				resp := cl.Do(tt.method, fmt.Sprintf("/go/%d?to=/end", tt.status)).Body("text/plain", []byte("data")).Follow().Want(200)
				if got := resp.Text(); got != tt.want {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
				if len(resp.History) != 1 || resp.History[0].Status != tt.status || resp.Target != "/end" {
					t.Errorf("target %s, history %v", resp.Target, resp.History)
				}
			})
		}
	})
}

func TestFollowTargets(t *testing.T) {
	tests := []struct {
		name, target string
		status       int
		want         string // the last target
	}{
		{"path", "/go/302?to=/end", 200, "/end"},
		{"query", "/go/302?to=/end%3Fa=b", 200, "/end?a=b"},
		{"fragment", "/go/302?to=/end%23x", 200, "/end"},
		{"same host", "/go/302?to=http://localhost/end", 200, "/end"},
		{"other host", "/go/302?to=http://example.com/end", 302, "/go/302?to=http://example.com/end"},
		{"other host, relative", "/go/302?to=//example.com/end", 302, "/go/302?to=//example.com/end"},
		{"twice", "/go/302?to=/go/307%3Fto=/dir/end", 200, "/dir/end"},
		{"to nowhere", "/go/302?to=/nowhere", 404, "/nowhere"},
	}
	cl := quarttest.New(t, redirectApp(t))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if resp := cl.Get(tt.target).Follow().Want(tt.status); resp.Target != tt.want {
				t.Errorf("ended at %s, want %s", resp.Target, tt.want)
			}
		})
	}
	if resp := cl.Get("/go/302?to=/end").Want(302); resp.Header("Location") != "/end" {
		t.Errorf("not asked to follow:\n%s", resp.Head())
	}
	if resp := cl.Head("/go/303?to=/end").Follow().Want(200); resp.Text() != "" {
		t.Errorf("HEAD became a GET: %s", resp.Text())
	}
}
