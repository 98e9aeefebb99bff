package natsbroker_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/goquart/quart/contrib/natsbroker"
)

func TestToken(t *testing.T) {
	for _, c := range []struct{ topic, want string }{
		{"", "t"},
		{"lobby", "tlobby"},
		{"room 1", "troom=201"},
		{"a.b", "ta=2Eb"},
		{"*", "t=2A"},
		{">", "t=3E"},
		{"=2E", "t=3D2E"},
		{"ü", "t=C3=BC"},
		{"\x00", "t=00"},
		{"A-z_9", "tA-z_9"},
		{strings.Repeat("x", 1023), "t" + strings.Repeat("x", 1023)},
	} {
		got := natsbroker.Token(c.topic)
		if got != c.want {
			t.Errorf("%q became %q, want %q", c.topic, got, c.want)
		}
	}
}

func TestTokenOfLongTopics(t *testing.T) {
	a, b := natsbroker.Token(strings.Repeat("x", 1024)), natsbroker.Token(strings.Repeat("x", 1025))
	if a == b || len(a) != 65 || len(b) != 65 || a[0] != 'h' || b[0] != 'h' {
		t.Errorf("%q and %q", a, b)
	}
}

// FuzzToken: every topic is one token of plain characters, and can be told from it.
func FuzzToken(f *testing.F) {
	for _, topic := range []string{"", "a", "a.b", "* >", "=", "==", "\xff\x00", "日本", strings.Repeat(".", 400)} {
		f.Add(topic)
	}
	f.Fuzz(func(t *testing.T, topic string) {
		got := natsbroker.Token(topic)
		if got == "" || len(got) > 1024 {
			t.Fatalf("%q became %q", topic, got)
		}
		for i := range len(got) {
			if c := got[i]; c <= ' ' || c >= 0x7f || c == '.' || c == '*' || c == '>' {
				t.Fatalf("%q became %q", topic, got)
			}
		}
		if got[0] == 'h' {
			return
		}
		back := ""
		for rest := got[1:]; rest != ""; {
			if rest[0] != '=' {
				back, rest = back+rest[:1], rest[1:]
				continue
			}
			b, err := hex.DecodeString(rest[1:3])
			if err != nil {
				t.Fatalf("%q became %q", topic, got)
			}
			back, rest = back+string(b), rest[3:]
		}
		if back != topic {
			t.Fatalf("%q became %q, which is %q", topic, got, back)
		}
	})
}

func TestEpochOf(t *testing.T) {
	for _, c := range []struct {
		prefix string
		list   []string
		want   uint64
	}{
		{"quart", []string{"quart.msg.zz.*"}, 35*36 + 35},
		{"apps.a", []string{"apps.a.msg.1.*"}, 1},
		{"quart", []string{"quart.msg.ZZ.*"}, 0}, // another spelling
		{"quart", []string{"quart.msg.0.*"}, 0},
		{"quart", []string{"quart.msg.-1.*"}, 0},
		{"quart", []string{"quart.msg..*"}, 0},
		{"quart", []string{"quart.msg.1.>"}, 0},
		{"quart", []string{"quart.>"}, 0},
		{"quart", []string{"quart.msg.1.*", "quart.msg.2.*"}, 0},
		{"quart", nil, 0},
		{"other", []string{"quart.msg.1.*"}, 0},
	} {
		if got := natsbroker.EpochOf(c.prefix, c.list); got != c.want {
			t.Errorf("%s %q: epoch %d, want %d", c.prefix, c.list, got, c.want)
		}
	}
}
