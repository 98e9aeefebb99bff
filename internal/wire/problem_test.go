package wire_test

import (
	"encoding/json"
	"html"
	"testing"

	"github.com/goquart/quart/internal/wire"
)

var textTests = []string{
	"", "plain", "\"quoted\" \\ / ", "<script>alert('x') & more</script>", "\b\f\n\r\t\x00\x1f\x7f",
	"é € 😀", "\u2028 \u2029 \ufffd", "bad \xff\xc3 \xe2\x80 \xed\xa0\x80 utf-8",
}

func checkText(t *testing.T, s string) {
	t.Helper()
	want, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if got := wire.AppendJSONString([]byte(">"), s); string(got) != ">"+string(want) {
		t.Errorf("AppendJSONString(%q) = %s, want %s", s, got[1:], want)
	}
	if got, want := wire.AppendHTMLText([]byte(">"), s), html.EscapeString(s); string(got) != ">"+want {
		t.Errorf("AppendHTMLText(%q) = %s, want %s", s, got[1:], want)
	}
}

func TestText(t *testing.T) {
	for _, s := range textTests {
		checkText(t, s)
	}
	for c := range 256 {
		checkText(t, "a"+string([]byte{byte(c)})+"b")
	}
}

func FuzzText(f *testing.F) {
	for _, s := range textTests {
		f.Add(s)
	}
	f.Fuzz(checkText)
}

func BenchmarkAppendJSONString(b *testing.B) {
	dst := make([]byte, 0, 128)
	for b.Loop() {
		wire.AppendJSONString(dst, "there is no film with the number 42 & no \"other\" one")
	}
}

func BenchmarkAppendHTMLText(b *testing.B) {
	dst := make([]byte, 0, 128)
	for b.Loop() {
		wire.AppendHTMLText(dst, "there is no film with the number 42 & no \"other\" one")
	}
}
