package wire_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/wire"
)

var decodeTests = []struct {
	in, path, query string
	ok              bool
}{
	{"", "", "", true},
	{"/a/b", "/a/b", "/a/b", true},
	{"%41%7e%C3%a9", "A~é", "A~é", true},
	{"a+b%2Bc", "a+b+c", "a b+c", true},
	{"%2F%00%25", "/\x00%", "/\x00%", true},
	{"%2541", "%41", "%41", true},
	{"%zz+%4", "%zz+%4", "%zz %4", false},
	{"%", "%", "%", false},
	{"%%41", "%A", "%A", false},
	{"100%25%", "100%%", "100%%", false},
}

func TestDecode(t *testing.T) {
	for _, tt := range decodeTests {
		if got, ok := wire.DecodePath([]byte(">"), []byte(tt.in)); string(got) != ">"+tt.path || ok != tt.ok {
			t.Errorf("DecodePath(%q) = %q, %v", tt.in, got, ok)
		}
		if got, ok := wire.DecodeQuery([]byte(">"), []byte(tt.in)); string(got) != ">"+tt.query || ok != tt.ok {
			t.Errorf("DecodeQuery(%q) = %q, %v", tt.in, got, ok)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, tt := range decodeTests {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		check := func(what string, decode func(dst, src []byte) ([]byte, bool), reference func(string) (string, error)) {
			t.Helper()
			got, ok := decode(nil, []byte(in))
			want, err := reference(in)
			if ok != (err == nil) || ok && string(got) != want {
				t.Errorf("%s(%q) = %q, %v, want %q, %v", what, in, got, ok, want, err)
			}
			buf := []byte(in)
			if again, _ := decode(buf[:0], buf); string(again) != string(got) {
				t.Errorf("%s(%q) = %q, but in place %q", what, in, got, again)
			}
		}
		check("DecodePath", wire.DecodePath, url.PathUnescape)
		check("DecodeQuery", wire.DecodeQuery, url.QueryUnescape)
	})
}

func TestAppendEscaped(t *testing.T) {
	for _, tt := range []struct{ in, segment, path, query, fragment string }{
		{"", "", "", "", ""},
		{"azAZ09-._~", "azAZ09-._~", "azAZ09-._~", "azAZ09-._~", "azAZ09-._~"},
		{"!$&'()*+,;=:@", "!$&'()*+,;=:@", "!$&'()*+,;=:@", "%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40", "!$&'()*+,;=:@"},
		{"a/b?c#d", "a%2Fb%3Fc%23d", "a/b%3Fc%23d", "a%2Fb%3Fc%23d", "a/b?c%23d"},
		{"é %", "%C3%A9%20%25", "%C3%A9%20%25", "%C3%A9+%25", "%C3%A9%20%25"},
		{"\x00\r\n\xff", "%00%0D%0A%FF", "%00%0D%0A%FF", "%00%0D%0A%FF", "%00%0D%0A%FF"},
		{"%41", "%2541", "%2541", "%2541", "%2541"},
		{`\[]{}|^"<>`, "%5C%5B%5D%7B%7D%7C%5E%22%3C%3E", "%5C%5B%5D%7B%7D%7C%5E%22%3C%3E", "%5C%5B%5D%7B%7D%7C%5E%22%3C%3E", "%5C%5B%5D%7B%7D%7C%5E%22%3C%3E"},
	} {
		for _, c := range []struct {
			name string
			f    func([]byte, string) []byte
			want string
		}{
			{"AppendPathSegment", wire.AppendPathSegment, tt.segment},
			{"AppendPath", wire.AppendPath, tt.path},
			{"AppendQuery", wire.AppendQuery, tt.query},
			{"AppendFragment", wire.AppendFragment, tt.fragment},
		} {
			if got := string(c.f([]byte(">"), tt.in)); got != ">"+c.want {
				t.Errorf("%s(%q) = %q, want %q", c.name, tt.in, got[1:], c.want)
			}
		}
	}
}

func FuzzAppendEscaped(f *testing.F) {
	for _, s := range []string{"", "a b", "é/%2F", "\x00\xff", "?#&=+"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := string(wire.AppendQuery(nil, s)), url.QueryEscape(s); got != want {
			t.Errorf("AppendQuery(%q) = %q, want %q", s, got, want)
		}
		segment := wire.AppendPathSegment(nil, s)
		if back, ok := wire.DecodePath(nil, segment); !ok || string(back) != s || strings.Contains(string(segment), "/") {
			t.Errorf("AppendPathSegment(%q) = %q, decoded %q", s, segment, back)
		}
		u, err := url.Parse("http://h/" + string(wire.AppendPath(nil, s)) + "?" + string(wire.AppendQuery(nil, s)) + "#" + string(wire.AppendFragment(nil, s)))
		if err != nil || u.Path != "/"+s || u.Fragment != s {
			t.Errorf("%q: %+v, %v", s, u, err)
		}
	})
}

var locationTests = []struct {
	in, want string
	ok       bool
}{
	{"", "", true},
	{"/a?b=c#d", "/a?b=c#d", true},
	{"https://[2001:db8::1]:8443/a%20b", "https://[2001:db8::1]:8443/a%20b", true},
	{"/café x", "/caf%C3%A9%20x", true},
	{"/100%", "/100%25", true},
	{"/%zz%4", "/%25zz%254", true},
	{"/%e9", "/%e9", true},
	{`/\evil"<>^{|}` + "`", "/%5Cevil%22%3C%3E%5E%7B%7C%7D%60", true},
	{"/a\tb\x7f", "/a%09b%7F", true},
	{"/a\r\nSet-Cookie: x", "", false},
	{"/a\n", "", false},
	{"/a\r", "", false},
	{"/a\x00", "", false},
}

func TestAppendLocation(t *testing.T) {
	for _, tt := range locationTests {
		got, ok := wire.AppendLocation([]byte(">"), tt.in)
		if string(got) != ">"+tt.want || ok != tt.ok {
			t.Errorf("AppendLocation(%q) = %q, %v, want %q", tt.in, got, ok, tt.want)
		}
	}
}

func FuzzAppendLocation(f *testing.F) {
	for _, tt := range locationTests {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, ok := wire.AppendLocation(nil, in)
		if ok == strings.ContainsAny(in, "\r\n\x00") {
			t.Fatalf("AppendLocation(%q): %v", in, ok)
		}
		if !ok {
			return
		}
		if strings.ContainsFunc(string(got), func(r rune) bool { return r <= 0x20 || r >= 0x7f || r == '\\' }) {
			t.Errorf("AppendLocation(%q) = %q", in, got)
		}
		if again, _ := wire.AppendLocation(nil, string(got)); string(again) != string(got) {
			t.Errorf("AppendLocation(%q) = %q, and of that %q", in, got, again)
		}
		wantText, _ := wire.DecodePath(nil, []byte(in))
		if text, ok := wire.DecodePath(nil, got); !ok || string(text) != string(wantText) {
			t.Errorf("AppendLocation(%q) = %q, which says %q", in, got, text)
		}
	})
}

func TestValidField(t *testing.T) {
	for name, want := range map[string]bool{"": false, "X-A": true, "x_y~": true, "X A": false, "X:": false, "é": false, "X\r": false} {
		if got := wire.ValidFieldName(name); got != want {
			t.Errorf("ValidFieldName(%q) = %v", name, got)
		}
	}
	for c := range 256 {
		for pad := range 18 {
			value := strings.Repeat("x", pad) + string([]byte{byte(c)}) + "yyyyy"
			want := c != '\r' && c != '\n' && c != 0
			if got := wire.ValidFieldValue(value); got != want {
				t.Errorf("ValidFieldValue(%q) = %v", value, got)
			}
		}
	}
	if !wire.ValidFieldValue("") {
		t.Error("the empty value is refused")
	}
}

func FuzzValidField(f *testing.F) {
	for _, s := range []string{"", "text/html", "a\r\nb", "x\x00", "\x01\x02\t\x0e\x1f\xff long", "X-A"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := wire.ValidFieldValue(s); got == strings.ContainsAny(s, "\r\n\x00") {
			t.Errorf("ValidFieldValue(%q) = %v", s, got)
		}
		// A Header refuses to be written with a name that is no token.
		var out strings.Builder
		if err := (http.Header{s: {"v"}}).Write(&out); err != nil {
			t.Fatal(err)
		}
		if got := wire.ValidFieldName(s); got != (out.Len() > 0) {
			t.Errorf("ValidFieldName(%q) = %v", s, got)
		}
	})
}

func BenchmarkValidFieldValue(b *testing.B) {
	for _, bench := range []struct{ name, value string }{
		{"short", "no-store"},
		{"long", "max-age=63072000; includeSubDomains; preload; \t and some more text for the length"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				if !wire.ValidFieldValue(bench.value) {
					b.Fatal("refused")
				}
			}
		})
	}
}

func BenchmarkDecodePath(b *testing.B) {
	src, dst := []byte("/films/the%20good%20the%20bad/reviews"), make([]byte, 0, 64)
	for b.Loop() {
		if _, ok := wire.DecodePath(dst, src); !ok {
			b.Fatal("refused")
		}
	}
}

func BenchmarkAppendPathSegment(b *testing.B) {
	dst := make([]byte, 0, 64)
	for b.Loop() {
		wire.AppendPathSegment(dst, "the good/the bad-and-the-ugly")
	}
}
