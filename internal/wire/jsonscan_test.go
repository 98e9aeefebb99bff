package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/wire"
)

// outline writes a JSON text again by a cursor: every value that is no array or object raw.
func outline(c *wire.JSONCursor, b *strings.Builder) {
	switch c.Peek() {
	case '[':
		c.Pos++
		b.WriteByte('[')
		for first := true; c.More(first, ']'); first = false {
			if !first {
				b.WriteByte(',')
			}
			outline(c, b)
		}
		b.WriteByte(']')
	case '{':
		c.Pos++
		b.WriteByte('{')
		for first := true; c.More(first, '}'); first = false {
			if !first {
				b.WriteByte(',')
			}
			name, _ := c.Name()
			fmt.Fprintf(b, `"%s":`, name)
			outline(c, b)
		}
		b.WriteByte('}')
	default:
		b.Write(c.Skip())
	}
}

func TestJSONCursor(t *testing.T) {
	for _, text := range []string{
		`1`, ` -1.5e+3 `, `"a\"b"`, `null`, `[]`, `[ ]`, `{}`, `{ }`, `[1,"a",[true,{}],{"a":[ ]}]`,
		` { "a" : 1 , "b\"" : [ 1 , 2 ] , "" : { "c" : null } } `,
	} {
		c := wire.JSONCursor{Data: []byte(text)}
		var b strings.Builder
		outline(&c, &b)
		var want bytes.Buffer
		if err := json.Compact(&want, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if c.Bad || c.Peek() != 0 || b.String() != want.String() {
			t.Errorf("%s: %s, bad %v, at %d", text, b.String(), c.Bad, c.Pos)
		}
		c = wire.JSONCursor{Data: []byte(text)}
		if got := c.Skip(); c.Bad || string(got) != strings.TrimSpace(text) {
			t.Errorf("Skip of %s: %q", text, got)
		}
	}
}

func TestJSONCursorSkipsOne(t *testing.T) {
	c := wire.JSONCursor{Data: []byte(`[[1,{"a":"]"}],2]`)}
	c.Take('[')
	if got := c.Skip(); string(got) != `[1,{"a":"]"}]` {
		t.Errorf("%q", got)
	}
	if !c.More(false, ']') {
		t.Error("the second element is lost")
	}
	if got := c.Skip(); string(got) != "2" || c.More(false, ']') || c.Bad {
		t.Errorf("%q", got)
	}
}

func TestJSONCursorBad(t *testing.T) {
	for _, text := range []string{``, `[`, `[1`, `[1 2]`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{a:1}`, `{"a" 1}`, `{"a`, `{"`, `[,]`, `,`} {
		c := wire.JSONCursor{Data: []byte(text)}
		var b strings.Builder
		outline(&c, &b)
		if !c.Bad {
			t.Errorf("%q is taken for %s", text, b.String())
		}
	}
}

func FuzzJSONCursor(f *testing.F) {
	for _, text := range []string{`[1,{"a":[]}]`, `{"a\u0041":null}`, `[[[`, `"\`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := wire.JSONCursor{Data: data}
		var b strings.Builder
		if wire.JSONDepth(data, 1000) {
			outline(&c, &b)
		}
		if c.Pos > len(data) {
			t.Fatalf("%q: at %d of %d", data, c.Pos, len(data))
		}
		var want bytes.Buffer
		if json.Compact(&want, data) != nil {
			return
		}
		if wire.JSONDepth(data, 1000) && (c.Bad || c.Peek() != 0 || b.String() != want.String()) {
			t.Fatalf("%q: %s, bad %v, at %d", data, b.String(), c.Bad, c.Pos)
		}
		c = wire.JSONCursor{Data: data}
		if got := c.Skip(); c.Bad || string(got) != string(bytes.Trim(data, " \t\r\n")) {
			t.Fatalf("Skip of %q: %q", data, got)
		}
	})
}
