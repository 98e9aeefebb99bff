package rules_test

import (
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

type point struct {
	X, Y int
	Tag  *string
	note string
}

func pointTo[T any](v T) *T { return &v }

// filled returns n different items, and then last.
func filled[T any](n int, item func(i int) T, last ...T) []T {
	var list []T
	for i := range n {
		list = append(list, item(i))
	}
	return append(list, last...)
}

func TestUniqueItems(t *testing.T) {
	const twice = "must not repeat an item"
	noon := time.Date(2024, 1, 2, 12, 0, 0, 5, time.UTC)
	there := noon.In(time.FixedZone("", 3600))
	var tests []passing
	add := func(v any, want string) { tests = append(tests, passing{"uniqueItems", v, want}) }
	add([]string(nil), "")
	add([]string{}, "")
	add([]string{"a"}, "")
	add([]string{"a", "b"}, "")
	add([]string{"a", "A"}, "")
	add([]string{"", ""}, twice)
	add([]name{"a", "b", "a"}, twice)
	add([3]int{1, 2, 3}, "")
	add([3]int{1, 2, 1}, twice)
	add([]int64{math.MaxInt64, math.MaxInt64 - 1}, "")
	add([]uint64{math.MaxUint64, math.MaxUint64}, twice)
	add([]bool{true, false}, "")
	add([]bool{true, false, true}, twice)
	add([]float64{0, math.Copysign(0, -1)}, twice)
	add([]float64{math.NaN(), math.NaN()}, twice)
	add([]float32{0.1, 0.2}, "")
	add([]*int{pointTo(1), pointTo(2), nil}, "")
	add([]*int{pointTo(1), pointTo(1)}, twice)
	add([]*int{nil, nil}, twice)
	add([]*int{nil, pointTo(0)}, "")
	add([]**int{pointTo(pointTo(1)), pointTo(pointTo(1))}, twice)
	add([][]string{{"a", "bc"}, {"ab", "c"}}, "")
	add([][]string{{"a"}, {"a"}}, twice)
	add([][]string{nil, {}}, "")
	add([][]string{{"a"}, {"a", "a"}}, "")
	add([][2]int{{1, 2}, {2, 1}}, "")
	add([][2]int{{1, 2}, {1, 2}}, twice)
	add([][]byte{[]byte("a"), []byte("a")}, twice)
	add([]point{{X: 1}, {Y: 1}}, "")
	add([]point{{X: 1, Tag: pointTo("a")}, {X: 1, Tag: pointTo("a")}}, twice)
	add([]point{{X: 1, note: "a"}, {X: 1, note: "b"}}, "")
	add([]struct{}{{}, {}}, twice)
	add([]time.Time{noon, there}, twice)
	add([]time.Time{noon, there.Add(1)}, "")
	add([2]time.Time{noon, there}, twice)
	add([]struct{ At *time.Time }{{&noon}, {&there}}, twice)
	add([]time.Duration{1, 1}, twice)
	add([]netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("::1")}, twice)
	add([]netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("::ffff:10.0.0.1")}, "")

	// Few are compared, many are hashed: the same must come out.
	for _, n := range []int{7, 8, 9, 15, 16, 17, 1000} {
		add(filled(n, func(i int) string { return fmt.Sprint(i) }), "")
		add(filled(n, func(i int) string { return fmt.Sprint(i) }, fmt.Sprint(n-1)), twice)
		add(filled(n, func(i int) string { return strings.Repeat("a", i) }, ""), twice)
		add(filled(n, func(i int) int { return i << 32 }), "")
		add(filled(n, func(i int) int { return i << 32 }, 0), twice)
		add(filled(n, func(i int) uint16 { return uint16(i) }, 1), twice)
		add(filled(n, func(i int) float64 { return float64(i) }), "")
		add(filled(n, func(i int) float64 { return float64(i) }, math.Copysign(0, -1)), twice)
		add(filled(n, func(i int) float64 { return float64(i) }, math.NaN()), "")
		add(filled(n, func(i int) float64 { return float64(i) }, math.NaN(), math.Float64frombits(math.Float64bits(math.NaN())^1)), twice)
		add(filled(n, func(i int) *int { return &i }, nil), "")
		add(filled(n, func(i int) *int { return &i }, pointTo(n-1)), twice)
		add(filled(n, func(i int) point { return point{X: i, Tag: pointTo("t")} }), "")
		add(filled(n, func(i int) point { return point{X: i, Tag: pointTo("t")} }, point{X: 3, Tag: pointTo("t")}), twice)
		add(filled(n, func(i int) time.Time { return noon.Add(time.Duration(i)) }), "")
		add(filled(n, func(i int) time.Time { return noon.Add(time.Duration(i)) }, there), twice)
		add(filled(n, func(i int) [2]string { return [2]string{strings.Repeat("a", i), strings.Repeat("a", n-i)} }), "")
		add(filled(n, func(i int) []string { return []string{strings.Repeat("a", i), strings.Repeat("a", n-i)} }), "")
		add(filled(n, func(i int) []int { return make([]int, i) }, nil), "")
		add(filled(n, func(i int) []int { return make([]int, i) }, []int{0}), twice)
	}
	add(filled(9, func(int) bool { return true }), twice)
	add([9]bool{8: true}, twice)
	testPassing(t, tests)
}

// FuzzUnique compares with a map.
func FuzzUnique(f *testing.F) {
	f.Add("a b c d e f g h i j")
	f.Add("a b c d e f g h i a")
	f.Add("1 2 1")
	f.Add("")
	c := mustCompile(f, "uniqueItems", reflect.TypeFor[[]string]())
	f.Fuzz(func(t *testing.T, s string) {
		list := strings.Split(s, " ")
		seen := map[string]bool{}
		for _, item := range list {
			seen[item] = true
		}
		if got, want := c.Value(reflect.ValueOf(list)) == "", len(seen) == len(list); got != want {
			t.Errorf("%q: %v, want %v", list, got, want)
		}
	})
}

// TestUniqueLarge: more items than an idle table is kept for.
func TestUniqueLarge(t *testing.T) {
	testPassing(t, []passing{
		{"uniqueItems", filled(1<<17, func(i int) int { return i << 20 }), ""},
		{"uniqueItems", filled(1<<17, func(i int) int { return i << 20 }, 7<<20), "must not repeat an item"},
	})
}
