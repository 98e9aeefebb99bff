package rules_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart/internal/rules"
)

// samples has for each rule a value that passes and one that fails.
var samples = []struct{ tag, pass, fail any }{
	{"min=1", 1, 0},
	{"max=5", uint8(5), uint8(6)},
	{"exclusiveMin=0", 0.5, 0.0},
	{"exclusiveMax=9", float32(8), float32(9)},
	{"min=1s", time.Second, time.Millisecond},
	{"multipleOf=5", 10, 11},
	{"multipleOf=0.01", 19.99, 19.999},
	{"multipleOf=0.01", 99999999999999.99, 9999999999999.995},
	{"multipleOf=0.01", float32(19.99), float32(19.999)},
	{"minLength=2", "éé", "é"},
	{"maxLength=3", "äöü", "äöüß"},
	{"minLength=2", []byte("ab"), []byte("a")},
	{"maxLength=5MiB", sized(5), sized(6 << 20)},
	{"pattern=^[a-z]+$", "abc", "aBc"},
	{"pattern=(a|b)+c", strings.Repeat("ab", 500) + "c", strings.Repeat("ab", 500)},
	{"enum=asc|desc", "desc", "up"},
	{"enum=1|2|3", 3, 4},
	{"enum=0.1|0.2", 0.2, 0.3},
	{"enum=1m|1h", time.Hour, time.Second},
	{"enum=true", true, false},
	{"enum=red|blue", color(2), color(3)},
	{"enum=2024-01-01T00:00:00Z", pointTo(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)), pointTo(time.Time{})},
	{"minItems=1", []int{1}, []int{}},
	{"maxItems=1", []string{"a"}, []string{"a", "b"}},
	{"uniqueItems", []string{"a", "b", "c"}, []string{"a", "b", "a"}},
	{"uniqueItems", filled(100, func(i int) int { return i }), filled(100, func(i int) int { return i }, 5)},
	{"uniqueItems", filled(100, func(i int) string { return fmt.Sprint(i) }), filled(100, func(i int) string { return fmt.Sprint(i) }, "5")},
	{"uniqueItems", filled(100, func(i int) point { return point{X: i, Tag: pointTo("a")} }), filled(100, func(int) point { return point{} })},
	{"uniqueItems", filled(20, func(i int) time.Time { return time.Unix(int64(i), 0) }), filled(20, func(int) time.Time { return time.Time{} })},
	{"minProperties=1", map[string]int{"a": 1}, map[string]int{}},
	{"maxProperties=1", map[string]int{"a": 1}, map[string]int{"a": 1, "b": 2}},
	{"required,min=1,max=5,multipleOf=1,enum=1|2|3", 3, 9},
	{"min=1", pointTo(pointTo(1)), pointTo(pointTo(0))},
}

func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	type run struct {
		tag  string
		v    any
		pass bool
	}
	var runs []run
	for _, s := range samples {
		runs = append(runs, run{s.tag.(string), s.pass, true}, run{s.tag.(string), s.fail, false})
	}
	for format, tt := range formatTests {
		for _, text := range tt.is {
			runs = append(runs, run{"format=" + format, text, true})
		}
		for _, text := range tt.not {
			runs = append(runs, run{"format=" + format, text, false})
		}
	}
	for _, r := range runs {
		c, v := mustCompile(t, r.tag, reflect.TypeOf(r.v)), reflect.ValueOf(r.v)
		if got := c.Value(v); (got == "") != r.pass {
			t.Errorf("%s of %v: %q", r.tag, r.v, got)
		}
		if n := testing.AllocsPerRun(20, func() { c.Value(v) }); n != 0 {
			t.Errorf("%s of %v: %v allocations", r.tag, r.v, n)
		}
	}
}

// sink keeps what a benchmark computed.
var sink string

func BenchmarkRules(b *testing.B) {
	for i, s := range samples {
		tag := s.tag.(string)
		c, v := mustCompile(b, tag, reflect.TypeOf(s.pass)), reflect.ValueOf(s.pass)
		b.Run(fmt.Sprintf("%d %.24s", i, tag), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink = c.Value(v)
			}
		})
	}
}

func BenchmarkFormats(b *testing.B) {
	for format, tt := range formatTests {
		c, v := mustCompile(b, "format="+format, reflect.TypeFor[string]()), reflect.ValueOf(tt.is[len(tt.is)-1])
		b.Run(format, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink = c.Value(v)
			}
		})
	}
}

// BenchmarkUniqueItems: the time of an item stays the same as lists grow.
func BenchmarkUniqueItems(b *testing.B) {
	for _, n := range []int{4, 8, 16, 64, 1024, 16384, 65536} {
		list := filled(n, func(i int) string { return fmt.Sprint("item ", i) })
		c, v := mustCompile(b, "uniqueItems", reflect.TypeOf(list)), reflect.ValueOf(list)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink = c.Value(v)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/item")
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	t := reflect.TypeFor[string]()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rules.Compile("required,minLength=1,maxLength=60,pattern=^[a-z]+$", t); err != nil {
			b.Fatal(err)
		}
	}
}
