package wire_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart/internal/wire"
)

var cookieTests = []struct {
	header string
	pairs  string // name=value, separated by '|'
}{
	{"", ""},
	{"a=1", "a=1"},
	{"a=1; b=2;c=3", "a=1|b=2|c=3"},
	{" a = 1 ;\tb=2\t", "a=1|b=2"},
	{`a="1"; b="; c=""; d="x`, `a=1|b="|c=|d="x`},
	{"a=%41=b", "a=%41=b"},
	{"a; =b; ; c=", "a=|c="},
	{"a=1; a=2", "a=1|a=2"},
	{";;", ""},
}

func TestCookieNext(t *testing.T) {
	for _, tt := range cookieTests {
		var got []string
		name, value, rest, ok := wire.CookieNext([]byte(tt.header))
		for ; ok; name, value, rest, ok = wire.CookieNext(rest) {
			got = append(got, string(name)+"="+string(value))
		}
		if s := strings.Join(got, "|"); s != tt.pairs {
			t.Errorf("CookieNext(%q): %q, want %q", tt.header, s, tt.pairs)
		}
	}
}

func TestCookieValue(t *testing.T) {
	for _, tt := range []struct {
		header, name, value string
		ok                  bool
	}{
		{"a=1; b=2", "a", "1", true},
		{"a=1; b=2", "b", "2", true},
		{"a=1; b=2; a=3", "a", "3", true}, // the last wins
		{"a=1", "A", "", false},
		{"ab=1", "a", "", false},
		{`a="x y"`, "a", "x y", true},
		{"a", "a", "", true},
		{"", "", "", false},
		{"=1", "", "", false},
	} {
		value, ok := wire.CookieValue([]byte(tt.header), tt.name)
		if string(value) != tt.value || ok != tt.ok {
			t.Errorf("CookieValue(%q, %q) = %q, %v", tt.header, tt.name, value, ok)
		}
	}
}

var fullCookie = wire.SetCookie{
	Name: "__Secure-id", Value: "x1", Path: "/a", Domain: "example.org", SameSite: "none",
	MaxAge: 90 * time.Minute, Expires: time.Date(2030, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)),
	Secure: true, HttpOnly: true, Partitioned: true,
}

func TestAppendSetCookie(t *testing.T) {
	for _, tt := range []struct {
		cookie wire.SetCookie
		want   string
	}{
		{wire.SetCookie{Name: "a", Value: "b"}, "a=b"},
		{wire.SetCookie{Name: "a"}, "a="},
		{
			fullCookie,
			"__Secure-id=x1; Expires=Wed, 02 Jan 2030 02:04:05 GMT; Max-Age=5400; Domain=example.org; Path=/a; Secure; HttpOnly; SameSite=None; Partitioned",
		},
		{wire.SetCookie{Name: "__Host-id", Path: "/", Secure: true, SameSite: "LAX"}, "__Host-id=; Path=/; Secure; SameSite=Lax"},
		{wire.SetCookie{Name: "a", SameSite: "Strict"}, "a=; SameSite=Strict"},
		{wire.SetCookie{Name: "a", MaxAge: -1}, "a=; Max-Age=0"},
		{wire.SetCookie{Name: "a", MaxAge: 1}, "a=; Max-Age=1"},
		{wire.SetCookie{Name: "a", MaxAge: 1500 * time.Millisecond}, "a=; Max-Age=2"},
		{wire.SetCookie{Name: "a", Expires: time.Unix(0, 0)}, "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"},
	} {
		got, err := wire.AppendSetCookie([]byte(">"), &tt.cookie)
		if err != nil || string(got) != ">"+tt.want {
			t.Errorf("%+v:\n got %q, %v\nwant %q", tt.cookie, got, err, tt.want)
		}
	}
}

func TestAppendSetCookieRefuses(t *testing.T) {
	for _, tt := range []struct {
		cookie wire.SetCookie
		want   string
	}{
		{wire.SetCookie{}, `cookie "": no name`},
		{wire.SetCookie{Name: "a b"}, `cookie "a b": byte 0x20 in the name`},
		{wire.SetCookie{Name: "a=b"}, `cookie "a=b": byte 0x3d in the name`},
		{wire.SetCookie{Name: "a", Value: "x;y"}, `cookie "a": byte 0x3b in the value`},
		{wire.SetCookie{Name: "a", Value: "x\r\n"}, `cookie "a": byte 0x0d in the value`},
		{wire.SetCookie{Name: "a", Value: "x y"}, `cookie "a": byte 0x20 in the value`},
		{wire.SetCookie{Name: "a", Value: "x,y"}, `cookie "a": byte 0x2c in the value`},
		{wire.SetCookie{Name: "a", Value: `"x"`}, `cookie "a": byte 0x22 in the value`},
		{wire.SetCookie{Name: "a", Value: "x\\y"}, `cookie "a": byte 0x5c in the value`},
		{wire.SetCookie{Name: "a", Value: "é"}, `cookie "a": byte 0xc3 in the value`},
		{wire.SetCookie{Name: "a", Path: "/;Secure"}, `cookie "a": byte 0x3b in the path`},
		{wire.SetCookie{Name: "a", Domain: "b\n"}, `cookie "a": byte 0x0a in the domain`},
		{wire.SetCookie{Name: "a", Expires: time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC)}, `cookie "a": the year 1600 in Expires`},
		{wire.SetCookie{Name: "a", SameSite: "some"}, `cookie "a": SameSite is not Strict, Lax or None`},
		{wire.SetCookie{Name: "a", SameSite: "None"}, `cookie "a": SameSite=None without Secure`},
		{wire.SetCookie{Name: "a", Partitioned: true}, `cookie "a": Partitioned without Secure`},
		{wire.SetCookie{Name: "__secure-a"}, `cookie "__secure-a": the prefix __Secure- without Secure`},
		{wire.SetCookie{Name: "__Host-a", Secure: true}, `cookie "__Host-a": the prefix __Host- without Secure, with a domain, or with a path other than /`},
		{wire.SetCookie{Name: "__HOST-a", Secure: true, Path: "/", Domain: "b"}, `cookie "__HOST-a": the prefix __Host- without Secure, with a domain, or with a path other than /`},
		{wire.SetCookie{Name: "__Host-a", Path: "/"}, `cookie "__Host-a": the prefix __Host- without Secure, with a domain, or with a path other than /`},
	} {
		got, err := wire.AppendSetCookie([]byte("kept"), &tt.cookie)
		var fault *wire.CookieError
		if !errors.As(err, &fault) || err.Error() != tt.want || string(got) != "kept" {
			t.Errorf("%+v: %q, %v, want %s", tt.cookie, got, err, tt.want)
		}
	}
}

// CookieNext must lose nothing: pairs joined again give the same pairs. Cookies
// that net/http reads, it reads as we do.
func FuzzCookieNext(f *testing.F) {
	for _, tt := range cookieTests {
		f.Add(tt.header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		last := map[string]string{}
		name, value, rest, ok := wire.CookieNext([]byte(header))
		for ; ok; name, value, rest, ok = wire.CookieNext(rest) {
			if len(name) == 0 || strings.ContainsAny(string(name), ";=") || strings.Contains(string(value), ";") {
				t.Fatalf("%q: pair %q, %q", header, name, value)
			}
			last[string(name)] = string(value)
		}
		for name, want := range last {
			if got, ok := wire.CookieValue([]byte(header), name); !ok || string(got) != want {
				t.Errorf("CookieValue(%q, %q) = %q, %v, want %q", header, name, got, ok, want)
			}
		}
		theirs, err := http.ParseCookie(header)
		if err != nil || len(theirs) == 0 || strings.ContainsFunc(header, func(r rune) bool { return r < 0x20 && r != '\t' }) {
			return // no field can have these controls; net/http trims some
		}
		for _, c := range theirs {
			if got, ok := wire.CookieValue([]byte(header), c.Name); !ok || string(got) != last[c.Name] {
				t.Errorf("%q: net/http finds %q", header, c.Name)
			}
		}
		end := theirs[len(theirs)-1]
		if got := last[end.Name]; strings.Trim(got, " \t") != strings.Trim(end.Value, " \t") { // net/http keeps the space
			t.Errorf("%q: %q is %q here, %q in net/http", header, end.Name, got, end.Value)
		}
	})
}

// What is accepted, net/http and CookieValue read back as it was given.
func FuzzSetCookie(f *testing.F) {
	f.Add("a", "b", "/", "example.org", "Lax", int64(3600), true)
	f.Add("__Host-a", "b", "/", "", "None", int64(-1), true)
	f.Add("a", "b;c", "/\r\n", "x", "", int64(1), false)
	f.Fuzz(func(t *testing.T, name, value, path, domain, sameSite string, age int64, secure bool) {
		in := wire.SetCookie{Name: name, Value: value, Path: path, Domain: domain, SameSite: sameSite, MaxAge: time.Duration(age), Secure: secure, HttpOnly: true}
		line, err := wire.AppendSetCookie(nil, &in)
		if err != nil {
			return
		}
		if !wire.ValidFieldValue(string(line)) {
			t.Fatalf("%+v: %q breaks the field", in, line)
		}
		back, err := http.ParseSetCookie(string(line))
		if err != nil {
			t.Fatalf("%+v: %q: %v", in, line, err)
		}
		if back.Name != name || back.Value != value || back.Secure != secure || !back.HttpOnly || (back.MaxAge < 0) != (age < 0) {
			t.Errorf("%+v: %q: read back as %+v", in, line, back)
		}
		pair, _, _ := strings.Cut(string(line), ";")
		if got, ok := wire.CookieValue([]byte(pair), name); !ok || string(got) != value {
			t.Errorf("%+v: CookieValue(%q) = %q, %v", in, pair, got, ok)
		}
	})
}

func BenchmarkCookieValue(b *testing.B) {
	header := []byte("_ga=GA1.1.1234567890.1700000000; theme=dark; session=eyJ1c2VyIjo0Mn0.aBcDeF.x1y2z3")
	for b.Loop() {
		if _, ok := wire.CookieValue(header, "session"); !ok {
			b.Fatal("not found")
		}
	}
}

func BenchmarkAppendSetCookie(b *testing.B) {
	buf := make([]byte, 0, 256)
	for b.Loop() {
		if _, err := wire.AppendSetCookie(buf, &fullCookie); err != nil {
			b.Fatal(err)
		}
	}
}
