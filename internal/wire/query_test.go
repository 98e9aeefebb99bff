package wire_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/wire"
)

var queryTests = []struct {
	query string
	pairs []string // key=value, or key alone without a value
}{
	{"", nil},
	{"&&", nil},
	{"a=1", []string{"a=1"}},
	{"a=1&b=2", []string{"a=1", "b=2"}},
	{"&a=1&&b&", []string{"a=1", "b"}},
	{"a=&b==&=c&=", []string{"a=", "b==", "=c", "="}},
	{"a=%26+b;c", []string{"a=%26+b;c"}},
}

func queryPairs(query string) (pairs []string) {
	for q := []byte(query); len(q) > 0; {
		var key, value []byte
		key, value, q = wire.QueryNext(q)
		switch {
		case key == nil:
		case value == nil:
			pairs = append(pairs, string(key))
		default:
			pairs = append(pairs, string(key)+"="+string(value))
		}
	}
	return pairs
}

func TestQueryNext(t *testing.T) {
	for _, tt := range queryTests {
		if got := queryPairs(tt.query); !slices.Equal(got, tt.pairs) {
			t.Errorf("QueryNext(%q): %q, want %q", tt.query, got, tt.pairs)
		}
		if got := wire.CountPairs([]byte(tt.query)); got != len(tt.pairs) {
			t.Errorf("CountPairs(%q) = %d, want %d", tt.query, got, len(tt.pairs))
		}
	}
}

func FuzzQueryNext(f *testing.F) {
	for _, tt := range queryTests {
		f.Add(tt.query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		pairs := queryPairs(query)
		if got := wire.CountPairs([]byte(query)); got != len(pairs) {
			t.Errorf("CountPairs(%q) = %d, want %d", query, got, len(pairs))
		}
		want, err := url.ParseQuery(query)
		if err != nil {
			return // a bad escape, or ';', which net/url refuses
		}
		got := url.Values{}
		for _, pair := range pairs {
			key, value, _ := strings.Cut(pair, "=")
			k, _ := wire.DecodeQuery(nil, []byte(key))
			v, _ := wire.DecodeQuery(nil, []byte(value))
			got[string(k)] = append(got[string(k)], string(v))
		}
		if got.Encode() != want.Encode() {
			t.Errorf("%q: %v, want %v", query, got, want)
		}
	})
}

func BenchmarkQueryNext(b *testing.B) {
	query, buf := []byte("year.gt=2020&title=the+good%20the+bad&sort=-year&page=12"), make([]byte, 0, 64)
	for b.Loop() {
		n := 0
		for q := query; len(q) > 0; n++ {
			var value []byte
			_, value, q = wire.QueryNext(q)
			wire.DecodeQuery(buf, value)
		}
		if n != 4 {
			b.Fatal(n)
		}
	}
}
