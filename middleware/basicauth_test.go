package middleware_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
)

var users = map[string]string{"ada": "a:b", "bob": "", "ünal": "пароль", "long": strings.Repeat("x", 300)}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func whoami(c *quart.Ctx) error { return c.Text(200, middleware.UserKey.Must(c)) }

func TestBasicAuth(t *testing.T) {
	app := newApp(t, middleware.BasicAuth(middleware.BasicAuthConfig{Users: users}))
	app.Get("/", whoami)
	cl := quarttest.New(t, app)
	tests := []struct {
		name, header string
		user         string // "" is refused
	}{
		{"right", basic("ada", "a:b"), "ada"},
		{"empty password", basic("bob", ""), "bob"},
		{"not ASCII", basic("ünal", "пароль"), "ünal"},
		{"long", basic("long", strings.Repeat("x", 300)), "long"},
		{"scheme in another case", "bASIC " + basic("ada", "a:b")[len("Basic "):], "ada"},
		{"wrong password", basic("ada", "a:c"), ""},
		{"password of another", basic("ada", ""), ""},
		{"user of another case", basic("Ada", "a:b"), ""},
		{"colon elsewhere", basic("ada:a", ""), ""},
		{"unknown user", basic("eve", "a:b"), ""},
		{"empty", basic("", ""), ""},
		{"no header", "", ""},
		{"no credentials", "Basic", ""},
		{"bad base64", "Basic !!!!", ""},
		{"no colon", "Basic " + base64.StdEncoding.EncodeToString([]byte("ada")), ""},
		{"other scheme", "Bearer abc", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := cl.Get("/")
			if tt.header != "" {
				req.Header("Authorization", tt.header)
			}
			if tt.user != "" {
				if got := req.Want(200).Text(); got != tt.user {
					t.Errorf("user %q, want %q", got, tt.user)
				}
				return
			}
			wantHeader(t, req.Want(401), "WWW-Authenticate", `Basic realm="restricted", charset="UTF-8"`)
		})
	}
}

func TestBasicAuthVerify(t *testing.T) {
	app := newApp(t, middleware.BasicAuth(middleware.BasicAuthConfig{
		Realm:  `the "house" \ ä`,
		Verify: func(c *quart.Ctx, user, password string) bool { return user == c.Param("user") && password == "pw" },
	}))
	app.Get("/{user}", whoami)
	cl := quarttest.New(t, app)
	if got := cl.Get("/ada").Basic("ada", "pw").Want(200).Text(); got != "ada" {
		t.Errorf("user %q", got)
	}
	resp := cl.Get("/bob").Basic("ada", "pw").Want(401)
	wantHeader(t, resp, "WWW-Authenticate", `Basic realm="the \"house\" \\ ä", charset="UTF-8"`)
	cl.Get("/nowhere/at/all").Want(401) // an app's layers hold for what no route takes
}

func TestBasicAuthError(t *testing.T) {
	app := newApp(t, middleware.BasicAuth(middleware.BasicAuthConfig{Users: users}))
	app.OnStatus(401, func(c *quart.Ctx, err error) error {
		var e *quart.HTTPError
		if !errors.As(err, &e) || !errors.Is(err, quart.ErrUnauthorized) {
			t.Errorf("error %v", err)
		}
		return c.Redirect(303, "/login")
	})
	wantHeader(t, quarttest.New(t, app).Get("/").Want(303), "Location", "/login")
}

func TestBasicAuthConfig(t *testing.T) {
	allow := func(*quart.Ctx, string, string) bool { return true }
	wantPanic(t, "either Users or Verify", func() { middleware.BasicAuth(middleware.BasicAuthConfig{}) })
	wantPanic(t, "either Users or Verify", func() { middleware.BasicAuth(middleware.BasicAuthConfig{Users: users, Verify: allow}) })
	wantPanic(t, "realm", func() { middleware.BasicAuth(middleware.BasicAuthConfig{Realm: "a\nb", Verify: allow}) })
}

func TestBasicAuthAllocs(t *testing.T) {
	mw := middleware.BasicAuth(middleware.BasicAuthConfig{Users: users})
	if n := allocs(t, 200, mw, "GET", "Authorization", basic("ada", "a:b")); n != 0 {
		t.Errorf("%v allocations for a right password, want 0", n)
	}
	if n := allocs(t, 401, mw, "GET", "Authorization", basic("ada", "no")); n != 0 {
		t.Errorf("%v allocations for a wrong one, want 0", n)
	}
}

func BenchmarkBasicAuth(b *testing.B) {
	bench(b, middleware.BasicAuth(middleware.BasicAuthConfig{Users: users}), "Authorization", basic("ada", "a:b"))
}
