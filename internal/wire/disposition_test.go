package wire_test

import (
	"mime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/goquart/quart/internal/wire"
)

var dispositionTests = []struct{ name, want string }{
	{"", `attachment`},
	{".", `attachment`},
	{"..", `attachment`},
	{"a/..", `attachment`},
	{"dir/", `attachment`},
	{"report.pdf", `attachment; filename="report.pdf"`},
	{"two words;.txt", `attachment; filename="two words;.txt"`},
	{"/etc/passwd", `attachment; filename="passwd"`},
	{`C:\temp\a.txt`, `attachment; filename="a.txt"`},
	{`../..\x`, `attachment; filename="x"`},
	{`a"b.txt`, `attachment; filename="a_b.txt"; filename*=UTF-8''a%22b.txt`},
	{"100%.txt", `attachment; filename="100%.txt"`},
	{"100%25.txt", `attachment; filename="100_25.txt"; filename*=UTF-8''100%2525.txt`},
	{"Größe €.txt", `attachment; filename="Gr__e _.txt"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%E2%82%AC.txt`},
	{"данные", `attachment; filename="______"; filename*=UTF-8''%D0%B4%D0%B0%D0%BD%D0%BD%D1%8B%D0%B5`},
	{"a\r\nSet-Cookie: x=y", `attachment; filename="aSet-Cookie: x=y"`},
	{"a\x00b\x7fc\u0085d", `attachment; filename="abcd"`},
	{"photo\u202egpj.exe", `attachment; filename="photogpj.exe"`},
	{"\xff", `attachment; filename="_"; filename*=UTF-8''%EF%BF%BD`},
	{"a*'(b)", `attachment; filename="a*'(b)"`},
	{"ä*'(b)", `attachment; filename="_*'(b)"; filename*=UTF-8''%C3%A4%2A%27%28b%29`},
}

func TestAppendDisposition(t *testing.T) {
	for _, tt := range dispositionTests {
		if got := string(wire.AppendDisposition([]byte("x: "), "attachment", tt.name)); got != "x: "+tt.want {
			t.Errorf("%q: %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// FuzzAppendDisposition compares with what the standard library reads.
func FuzzAppendDisposition(f *testing.F) {
	for _, tt := range dispositionTests {
		f.Add(tt.name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		value := string(wire.AppendDisposition(nil, "inline", name))
		if !wire.ValidFieldValue(value) || !isASCII(value) {
			t.Fatalf("%q: the value is %q", name, value)
		}
		kind, params, err := mime.ParseMediaType(value)
		if err != nil || kind != "inline" {
			t.Fatalf("%q: %q is read as %q, %v", name, value, kind, err)
		}
		want := strings.ToValidUTF8(keptOfName(name), "\uFFFD")
		if want == "." || want == ".." {
			want = ""
		}
		if got := params["filename"]; got != want {
			t.Errorf("%q: %q is read as %q, want %q", name, value, got, want)
		}
	})
}

// keptOfName is the name that a client should see, but for bytes that are no UTF-8.
func keptOfName(name string) string {
	name = name[max(strings.LastIndexByte(name, '/'), strings.LastIndexByte(name, '\\'))+1:]
	var b strings.Builder
	for len(name) > 0 {
		r, n := utf8.DecodeRuneInString(name)
		bidi := unicode.Is(unicode.Bidi_Control, r)
		if r == utf8.RuneError && n == 1 {
			b.WriteString("\uFFFD")
		} else if !unicode.IsControl(r) && !bidi && r != '\u2028' && r != '\u2029' {
			b.WriteRune(r)
		}
		name = name[n:]
	}
	return b.String()
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}
