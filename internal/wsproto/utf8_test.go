package wsproto_test

import (
	"testing"
	"unicode/utf8"

	"github.com/goquart/quart/internal/wsproto"
)

// TestText compares with a definition: a text can go on if some continuation makes it
// valid.
func TestText(t *testing.T) {
	continuations := []string{"", "\x80", "\xa0", "\x90", "\x80\x80", "\xa0\x80", "\x90\x80", "\x80\x80\x80", "\x90\x80\x80"}
	bytes := []byte{
		0x00, 'a', 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1,
		0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff,
	}
	var check func(b []byte, depth int)
	check = func(b []byte, depth int) {
		want := false
		for _, c := range continuations {
			want = want || utf8.ValidString(string(b)+c)
		}
		for _, cut := range []int{0, len(b) / 2, max(0, len(b)-1), len(b)} {
			if possible, valid := wsproto.TextState(b, cut); possible != want || valid != utf8.Valid(b) {
				t.Errorf("%x, cut at %d: possible %v, valid %v", b, cut, possible, valid)
			}
		}
		if !want || depth == 0 {
			return
		}
		for _, c := range bytes {
			check(append(b, c), depth-1)
		}
	}
	for _, before := range []string{"", "1234567", "12345678", "12345ü"} {
		check([]byte(before), 4)
	}
}

// TestTextAll is every character, in texts of all lengths around it.
func TestTextAll(t *testing.T) {
	for r := rune(0); r < 0x110100; r += 1 + r/0x900 {
		b := utf8.AppendRune([]byte("123456"[:r%7]), r)
		b = append(b, "123456789"[:r%10]...)
		if !wsproto.ValidText(b) {
			t.Fatalf("%q is not valid", b)
		}
	}
}

// TestTextCut is a character that breaks off, with a lot of ASCII behind it.
func TestTextCut(t *testing.T) {
	for _, start := range []string{"\xc3", "\xe4\xb8", "\xe0", "\xed", "\xf0", "\xf0\x9f", "\xf0\x9f\x8e", "\xf1", "\xf4"} {
		for _, before := range []string{"", "1234567", "12345678"} {
			b := []byte(before + start + "1234567812345678")
			for cut := range b {
				if possible, _ := wsproto.TextState(b, cut); possible {
					t.Errorf("%q, cut at %d, can go on", b, cut)
				}
			}
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"hello, world", "grüße, 世界 🎬", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf", "12345678\xf0\x9f\x8e", "\xe4\xb812345678"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		if _, valid := wsproto.TextState(b, min(int(cut), len(b))); valid != utf8.Valid(b) {
			t.Errorf("%q: valid %v", b, valid)
		}
	})
}
