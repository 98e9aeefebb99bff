package wire_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/wire"
)

var depthTests = []struct {
	data  string
	depth int
}{
	{``, 0},
	{`1`, 0},
	{`"[[["`, 0},
	{`[]`, 1},
	{`{"a":[1,{"b":2}],"c":[]}`, 3},
	{`[[],[],[[]]]`, 3},
	{`["]]]]",["[\"[",["\\"]]]`, 3},
	{`["\\\"[[",[]]`, 2},
	{`["\\\\",[[]]]`, 3},
	{`{"[":{"{":{}}}`, 3},
}

func TestJSONDepth(t *testing.T) {
	for _, tt := range depthTests {
		for limit := range 6 {
			if got := wire.JSONDepth([]byte(tt.data), limit); got != (tt.depth <= limit) {
				t.Errorf("JSONDepth(%s, %d) = %v", tt.data, limit, got)
			}
		}
	}
	deep := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	if wire.JSONDepth([]byte(deep), 64) || !wire.JSONDepth([]byte(deep), 65) {
		t.Error("65 deep")
	}
}

// slowDepth returns how deep valid JSON nests, as encoding/json reads it.
func slowDepth(data []byte) (deepest int) {
	depth := 0
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // 1e400 is JSON
	for {
		token, err := dec.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
			deepest = max(deepest, depth)
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
}

// For valid JSON it is exact. Otherwise, what passes must not let a parser open
// more than the limit before it finds the fault.
func FuzzJSONDepth(f *testing.F) {
	for _, tt := range depthTests {
		f.Add([]byte(tt.data), 2)
	}
	f.Add([]byte(`]]][[[[`), 2)
	f.Add([]byte(`"\`), 0)
	f.Add([]byte(`[[1e400],[],[[]]]`), 2)
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		limit &= 7
		got, deepest := wire.JSONDepth(data, limit), slowDepth(data)
		if json.Valid(data) && got != (deepest <= limit) || got && deepest > limit {
			t.Errorf("JSONDepth(%s, %d) = %v, it is %d deep", data, limit, got, deepest)
		}
	})
}

func BenchmarkJSONDepth(b *testing.B) {
	for _, bench := range []struct{ name, data string }{
		{"film", `{"id":42,"title":"The \"good\"","year":1966,"cast":[{"name":"a"},{"name":"b"}]}`},
		{"film-list", "[" + strings.Repeat(`{"id":42,"title":"The good","year":1966},`, 100) + "{}]"},
		{"long-string", strings.Repeat("[", 60) + `"` + strings.Repeat("x", 100_000) + `"` + strings.Repeat("]{}", 60)},
		{"escaped-quotes", strings.Repeat("[", 65) + `"` + strings.Repeat(`\"`, 50_000) + `"`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			data := []byte(bench.data)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				wire.JSONDepth(data, 64)
			}
		})
	}
}
