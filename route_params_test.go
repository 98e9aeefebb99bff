package quart_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/goquart/quart"
)

func TestRouteStringParam(t *testing.T) {
	app := quiet()
	app.Get("/a/{v}", say("any"))
	app.Get("/b/{v:string(minlength=2,maxlength=3)}", say("bounded"))
	app.Get("/c/{v:string(length=2)}", say("two"))
	exchanges(t, app, gets(
		[2]string{"/a/x%20y", "any x y"}, [2]string{"/a/", "404"}, [2]string{"/a", "404"}, [2]string{"/a/x/y", "404"},
		[2]string{"/b/x", "404"}, [2]string{"/b/xy", "bounded xy"}, [2]string{"/b/x%C3%A9z", "bounded xéz"}, [2]string{"/b/wxyz", "404"},
		[2]string{"/c/xy", "two xy"}, [2]string{"/c/xyz", "404"},
	))
}

func TestRouteIntParam(t *testing.T) {
	app := quiet()
	number := func(c *quart.Ctx) error { return c.Text(200, itoa(c.ParamInt("n"))) }
	app.Get("/a/{n:int}", number)
	app.Get("/b/{n:int(min=1,max=9)}", number)
	app.Get("/c/{n:int(fixed_digits=4)}", number)
	app.Get("/d/{n:int(signed)}", number)
	exchanges(t, app, gets(
		[2]string{"/a/7", "7"}, [2]string{"/a/007", "7"}, [2]string{"/a/-1", "404"}, [2]string{"/a/+1", "404"}, [2]string{"/a/1x", "404"},
		[2]string{"/a/9223372036854775807", "9223372036854775807"}, [2]string{"/a/9223372036854775808", "404"},
		[2]string{"/b/0", "404"}, [2]string{"/b/1", "1"}, [2]string{"/b/10", "404"},
		[2]string{"/c/42", "404"}, [2]string{"/c/0042", "42"}, [2]string{"/c/00042", "404"},
		[2]string{"/d/-5", "-5"}, [2]string{"/d/5", "5"},
	))
}

func TestRouteFloatParam(t *testing.T) {
	app := quiet()
	app.Get("/a/{v:float}", say("float"))
	app.Get("/b/{v:float(signed,min=-0.5)}", say("float"))
	exchanges(t, app, gets(
		[2]string{"/a/1.5", "float 1.5"}, [2]string{"/a/1", "404"}, [2]string{"/a/1.", "404"}, [2]string{"/a/.5", "404"},
		[2]string{"/a/-1.5", "404"}, [2]string{"/a/1.5e3", "404"}, [2]string{"/b/-0.5", "float -0.5"}, [2]string{"/b/-0.6", "404"},
	))
}

func TestRouteUUIDParam(t *testing.T) {
	const id = "123e4567-e89b-12d3-a456-426614174000"
	app := quiet()
	app.Get("/{id:uuid}", say("uuid"))
	exchanges(t, app, gets(
		[2]string{"/" + id, "uuid " + id}, [2]string{"/" + strings.ToUpper(id), "uuid " + strings.ToUpper(id)},
		[2]string{"/" + strings.ReplaceAll(id, "-", ""), "404"}, [2]string{"/" + id + "0", "404"},
	))
}

func TestRouteAnyParam(t *testing.T) {
	app := quiet()
	app.Get("/{v:any(about|b.c|é)}", say("any"))
	exchanges(t, app, gets(
		[2]string{"/about", "any about"}, [2]string{"/b.c", "any b.c"}, [2]string{"/bxc", "404"}, [2]string{"/%C3%A9", "any é"}, [2]string{"/About", "404"},
	))
}

func TestRoutePathParam(t *testing.T) {
	app := quiet()
	app.Get("/w/{p:*}", say("page"))
	app.Get("/w/{p:path}/edit", say("edit"))
	exchanges(t, app, gets(
		[2]string{"/w/a/b", "page a/b"}, [2]string{"/w/a//b/", "page a//b/"}, [2]string{"/w/a%2Fb", "page a/b"},
		[2]string{"/w/", "404"}, [2]string{"/w", "404"},
		[2]string{"/w/a/b/edit", "edit a/b"}, [2]string{"/w/edit", "page edit"}, [2]string{"/w/edit/edit", "edit edit"}, [2]string{"/w/a/edit/x", "page a/edit/x"},
	))
}

func TestRouteConverter(t *testing.T) {
	app := quiet()
	app.Convert("even", quart.Converter{Parse: func(v []byte) bool { return (v[len(v)-1]-'0')%2 == 0 }})
	app.Get("/{n:even}", say("even"))
	app.Get("/{n:string}", say("other"))
	app.Get("/only/{n:even}", say("even"))
	exchanges(t, app, gets(
		[2]string{"/12", "even 12"}, [2]string{"/13", "other 13"}, // a refused segment is no match
		[2]string{"/only/4", "even 4"}, [2]string{"/only/5", "404"},
	))
	wantPanic(t, func() { quiet().Convert("int", quart.Converter{}) }, `cannot be named "int"`, "route_params_test.go:")
}

func TestRouteSegmentParams(t *testing.T) {
	app := quiet()
	app.Get("/range/{a:int}-{b:int}", say("range"))
	app.Get("/file/{name}.{ext}", say("file"))
	app.Get("/User:{u}", say("user"))
	exchanges(t, app, gets(
		[2]string{"/range/1-20", "range 1 20"}, [2]string{"/range/1-", "404"}, [2]string{"/range/1-2-3", "404"},
		[2]string{"/file/a.tar.gz", "file a.tar gz"}, [2]string{"/file/.gz", "404"},
		[2]string{"/User:ada", "user ada"}, [2]string{"/User:", "404"}, [2]string{"/user:ada", "404"},
	))
}

func TestRoutePriority(t *testing.T) {
	patterns := []string{"/a/new", "/a/{id:int(min=5)}", "/a/{id:int}", "/a/{n:float}", "/a/{x:[a-c]+}", "/a/{name}", "/a/{p:*}", "/{x}/new", "/{p:*}", "/a/{y:int}/b", "/a/{name}/c"}
	want := gets(
		[2]string{"/a/new", "/a/new"}, [2]string{"/a/7", "/a/{id:int(min=5)} 7"}, [2]string{"/a/3", "/a/{id:int} 3"}, [2]string{"/a/1.5", "/a/{n:float} 1.5"},
		[2]string{"/a/abc", "/a/{x:[a-c]+} abc"}, [2]string{"/a/xyz", "/a/{name} xyz"}, [2]string{"/a/x/y", "/a/{p:*} x/y"},
		[2]string{"/b/new", "/{x}/new b"}, [2]string{"/b/old", "/{p:*} b/old"},
		[2]string{"/a/7/b", "/a/{y:int}/b 7"}, [2]string{"/a/7/c", "/a/{name}/c 7"}, // the number's branch fails further down
	)
	for seed := range uint64(5) {
		app := quiet()
		for _, i := range rand.New(rand.NewPCG(seed, 0)).Perm(len(patterns)) {
			app.Get(patterns[i], say(patterns[i]))
		}
		exchanges(t, app, want)
	}
}

func TestRouteOptionalParam(t *testing.T) {
	app := quiet()
	app.Get("/page/{n:int?}", say("page"))
	app.Get("/a/{x?}/{y?}/z", say("a"))
	exchanges(t, app, gets(
		[2]string{"/page", "page -"}, [2]string{"/page/7", "page 7"}, [2]string{"/page/x", "404"}, [2]string{"/page/", "404"},
		[2]string{"/a/z", "a - -"}, [2]string{"/a/1/z", "a 1 -"}, [2]string{"/a/1/2/z", "a 1 2"},
	))
}

func TestRouteUTF8(t *testing.T) {
	app := quiet()
	app.Get("/käse/{art}/", say("käse"))
	exchanges(t, app, gets(
		[2]string{"/k%C3%A4se/%E2%82%AC/", "käse €"}, [2]string{"/käse/€/", "käse €"}, [2]string{"/k%c3%a4se/x", "308 /k%C3%A4se/x/"}, [2]string{"/k%E4se/x/", "404"},
	))
}

func TestRouteEncodedSlash(t *testing.T) {
	app := quiet()
	app.Get("/s/{v}", say("one"))
	app.Get("/t/{a}/{b}", say("two"))
	exchanges(t, app, gets(
		[2]string{"/s/a%2Fb", "404"}, [2]string{"/t/a%2fb", "two a b"}, [2]string{"/s%2Fx", "one x"}, [2]string{"/s/a%252Fb", "one a%2Fb"}, [2]string{"/s/%zz", "400"},
	))
}
