package quarttest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

// jarApp sets what X-Set says and answers with the Cookie header.
func jarApp(t testing.TB) *quart.App {
	app := newApp(t)
	h := func(c *quart.Ctx) error {
		for v := range c.HeaderAll("X-Set") {
			c.Fast().Response.Header.Add("Set-Cookie", v)
		}
		return c.Text(200, c.Header("Cookie"))
	}
	app.Get("/", h)
	app.Get("/{path:*}", h)
	return app
}

func TestJar(t *testing.T) {
	tests := []struct {
		name, setAt, set, getAt, want string
	}{
		{"session", "/", "a=1", "/x", "a=1"},
		{"secure", "/", "a=1; Secure; HttpOnly; SameSite=Strict", "/", "a=1"},
		{"domain", "/", "a=1; Domain=example.com", "/", "a=1"},
		{"value with =", "/", "a=b=c", "/", "a=b=c"},
		{"no =", "/", "a", "/", ""},
		{"path", "/", "a=1; Path=/x", "/x/y", "a=1"},
		{"path itself", "/", "a=1; Path=/x", "/x?q", "a=1"},
		{"path with slash", "/", "a=1; Path=/x/", "/x/y", "a=1"},
		{"not below path", "/", "a=1; Path=/x", "/xy", ""},
		{"default path", "/x/y", "a=1", "/x/z", "a=1"},
		{"not below default path", "/x/y", "a=1", "/", ""},
		{"default path of one segment", "/x?a=/b/", "a=1", "/y", "a=1"},
		{"relative path", "/", "a=1; Path=x", "/", "a=1"},
		{"expired", "/", "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "/", ""},
		{"expires later", "/", "a=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT", "/", "a=1"},
		{"max-age 0", "/", "a=1; Max-Age=0", "/", ""},
		{"max-age before expires", "/", "a=1; Max-Age=9; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "/", "a=1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cl := quarttest.New(t, jarApp(t))
			cl.Get(tt.setAt).Header("X-Set", tt.set).Want(200)
			if got := cl.Get(tt.getAt).Want(200).Text(); got != tt.want {
				t.Errorf("sent %q, want %q", got, tt.want)
			}
		})
	}
}

func TestJarReplacesAndDeletes(t *testing.T) {
	cl := quarttest.New(t, jarApp(t))
	cl.Get("/").Header("X-Set", "a=1").Header("X-Set", "b=1; Path=/x").Want(200)
	cl.Get("/").Header("X-Set", "a=2").Want(200)
	if got := cl.Get("/x").Want(200).Text(); got != "b=1; a=2" {
		t.Errorf("sent %q: longer paths go first", got)
	}
	cl.Get("/").Header("X-Set", "b=; Max-Age=0").Want(200) // another path: another cookie
	if got := cl.Cookie("b"); got != "1" {
		t.Errorf("b is %q", got)
	}
	cl.Get("/").Header("X-Set", "a=; Max-Age=0").Want(200)
	if got := cl.Cookie("a"); got != "" {
		t.Errorf("a is %q after its deletion", got)
	}
	cl.SetCookie("c", "3")
	if got := cl.Get("/").Want(200).Text(); got != "c=3" {
		t.Errorf("sent %q", got)
	}
	cl.ClearCookies()
	if got := cl.Get("/x").Want(200).Text(); got != "" {
		t.Errorf("sent %q from a cleared jar", got)
	}
}

func TestJarExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := quarttest.New(t, jarApp(t))
		cl.Get("/").Header("X-Set", "a=1; Max-Age=60").Want(200)
		time.Sleep(59 * time.Second)
		if got := cl.Get("/").Want(200).Text(); got != "a=1" {
			t.Errorf("sent %q a second before the end", got)
		}
		time.Sleep(time.Second)
		if got := cl.Get("/").Want(200).Text(); got != "" || cl.Cookie("a") != "" {
			t.Errorf("sent %q at the end", got)
		}
	})
}

func TestResponseCookies(t *testing.T) {
	app := newApp(t)
	app.Get("/", func(c *quart.Ctx) error {
		c.SetCookie(quart.Cookie{Name: "a", Value: "1", Path: "/x", Domain: "example.com", SameSite: "None", MaxAge: time.Hour, Partitioned: true})
		c.SetCookie(quart.Cookie{Name: "b", Value: "2", Insecure: true, Script: true})
		c.DelCookie("c")
		return c.NoContent()
	})
	resp := quarttest.New(t, app).Get("/").Want(204)
	a, _ := resp.Cookie("a")
	if a.Expires.IsZero() {
		t.Error("a has no Expires")
	}
	a.Expires = time.Time{}
	want := quarttest.Cookie{
		Name: "a", Value: "1", Path: "/x", Domain: "example.com", SameSite: "None",
		MaxAge: time.Hour, Secure: true, HttpOnly: true, Partitioned: true,
	}
	if a != want {
		t.Errorf("a is %+v\nwant %+v", a, want)
	}
	if b, ok := resp.Cookie("b"); !ok || b.Secure || b.HttpOnly || b.SameSite != "Lax" {
		t.Errorf("b is %+v", b)
	}
	if c, ok := resp.Cookie("c"); !ok || c.MaxAge >= 0 {
		t.Errorf("c is %+v", c)
	}
	if _, ok := resp.Cookie("d"); ok || len(resp.Cookies()) != 3 {
		t.Errorf("cookies %+v", resp.Cookies())
	}
}
