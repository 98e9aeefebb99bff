package rules_test

import (
	"errors"
	"math"
	"mime/multipart"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

type (
	name  string
	color int
)

// UnmarshalText makes color a type with texts of its own.
func (c *color) UnmarshalText(text []byte) error {
	switch string(text) {
	case "red", "rouge":
		*c = 1
	case "blue":
		*c = 2
	default:
		return errors.New("no color")
	}
	return nil
}

func sized(n int64) *multipart.FileHeader { return &multipart.FileHeader{Size: n} }

func TestLengths(t *testing.T) {
	testPassing(t, []passing{
		{"minLength=1", "", "must have at least 1 character"},
		{"minLength=1", "a", ""},
		{"minLength=2", "a", "must have at least 2 characters"},
		{"minLength=2", "é", "must have at least 2 characters"}, // two bytes
		{"minLength=2", "éé", ""},
		{"minLength=2", "😀", "must have at least 2 characters"}, // four bytes
		{"minLength=2", "😀a", ""},
		{"minLength=3", "😀😀", "must have at least 3 characters"},
		{"minLength=0", "", ""},
		{"maxLength=3", "abc", ""},
		{"maxLength=3", "abcd", "must have at most 3 characters"},
		{"maxLength=3", "äöü", ""},
		{"maxLength=3", "😀😀😀", ""},
		{"maxLength=3", "😀😀😀😀", "must have at most 3 characters"},
		{"maxLength=1", "\xff", ""},
		{"maxLength=1", "\xff\xff", "must have at most 1 character"}, // a byte that is no UTF-8 is a character
		{"maxLength=0", "", ""},
		{"maxLength=0", "a", "must have at most 0 characters"},
		{"maxLength=9223372036854775807", "a", ""},
		{"minLength=9223372036854775807", "a", "must have at least 9223372036854775807 characters"},
		{"minLength=2,maxLength=2", name("ab"), ""},
		{"minLength=2,maxLength=2", name("abc"), "must have at most 2 characters"},

		{"minLength=1", []byte(nil), "must have at least 1 byte"},
		{"minLength=2", []byte("é"), ""},
		{"minLength=2", []byte("a"), "must have at least 2 bytes"},
		{"maxLength=2", []byte("éa"), "must have at most 2 bytes"},
		{"minLength=16,maxLength=16", [16]byte{}, ""},
		{"maxLength=1", new([]byte), ""},

		{"maxLength=5MiB", sized(5 << 20), ""},
		{"maxLength=5MiB", sized(5<<20 + 1), "must have at most 5 MiB"},
		{"minLength=1KiB", sized(1023), "must have at least 1 KiB"},
		{"minLength=1KiB", sized(1024), ""},
		{"maxLength=1GiB", sized(1<<30 + 1), "must have at most 1 GiB"},
		{"maxLength=1", sized(2), "must have at most 1 byte"},
		{"minLength=500,maxLength=500", *sized(500), ""},
		{"maxLength=1", (*multipart.FileHeader)(nil), ""},
	})
}

func TestCounts(t *testing.T) {
	testPassing(t, []passing{
		{"minItems=1", []int(nil), "must have at least 1 item"},
		{"minItems=1", []int{}, "must have at least 1 item"},
		{"minItems=2", []int{1}, "must have at least 2 items"},
		{"minItems=2", []int{1, 2}, ""},
		{"maxItems=3", []string{"a", "b", "c"}, ""},
		{"maxItems=3", []string{"a", "b", "c", "d"}, "must have at most 3 items"},
		{"maxItems=0", []string(nil), ""},
		{"maxItems=1", []any{1, 2}, "must have at most 1 item"},
		{"minItems=3,maxItems=3", [3]int{}, ""},
		{"minItems=1", &[]int{}, "must have at least 1 item"},
		{"minItems=1", (*[]int)(nil), ""},
		{"maxItems=1", []*multipart.FileHeader{nil, nil}, "must have at most 1 item"},
		{"minProperties=1", map[string]int(nil), "must have at least 1 property"},
		{"minProperties=2", map[string]int{"a": 1}, "must have at least 2 properties"},
		{"minProperties=1", map[string]int{"a": 1}, ""},
		{"maxProperties=1", map[string]any{"a": 1, "b": 2}, "must have at most 1 property"},
		{"maxProperties=0", map[int]bool{}, ""},
	})
}

func TestPattern(t *testing.T) {
	testPassing(t, []passing{
		{"pattern=^[a-z]+$", "abc", ""},
		{"pattern=^[a-z]+$", "aBc", "must match the pattern ^[a-z]+$"},
		{"pattern=[a-z]", "1a1", ""}, // not anchored
		{"pattern=^.$", "é", ""},
		{"pattern=^a{1,2}$", name("aaa"), "must match the pattern ^a{1,2}$"},
		{"minLength=2,pattern=a|b", "a", "must have at least 2 characters"},
	})
}

func TestEnumValues(t *testing.T) {
	at := func(text string) time.Time {
		tm, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return tm
	}
	const times = "enum=2024-01-01T00:00:00Z|2025-01-01T00:00:00Z"
	testPassing(t, []passing{
		{"enum=asc|desc", "asc", ""},
		{"enum=asc|desc", "Asc", "must be one of: asc, desc"},
		{"enum=asc|desc", "", "must be one of: asc, desc"},
		{"enum=|asc", "", ""},
		{"enum=|asc", "x", `must be one of: "", asc`},
		{`enum=a\|b|c\,d|\\`, "a|b", ""},
		{`enum=a\|b|c\,d|\\`, "c,d", ""},
		{`enum=a\|b|c\,d|\\`, `\`, ""},
		{`enum=a\|b|c\,d`, "a", "must be one of: a|b, c,d"},
		{"enum=only", name("x"), "must be only"},
		{"enum=1|2|-3", -3, ""},
		{"enum=1|2|-3", 3, "must be one of: 1, 2, -3"},
		{"enum=255|0", uint8(255), ""},
		{"enum=18446744073709551615", uint64(math.MaxUint64), ""},
		{"enum=18446744073709551615", uint64(math.MaxUint64 - 1), "must be 18446744073709551615"},
		{"enum=0.1|0", 0.1, ""},
		{"enum=0.1|0", float32(0.1), ""},
		{"enum=0.1|0", math.Copysign(0, -1), ""},
		{"enum=0.1|0", math.NaN(), "must be one of: 0.1, 0"},
		{"enum=1m|1h", time.Hour, ""},
		{"enum=1m|1h", time.Second, "must be one of: 1m, 1h"},
		{"enum=true", true, ""},
		{"enum=true", false, "must be true"},
		{"enum=false|true", false, ""},
		{"enum=red", color(1), ""},
		{"enum=red", color(2), "must be red"},
		{times, at("2024-01-01T01:00:00+01:00"), ""},
		{times, at("2024-01-01T00:00:01Z"), "must be one of: 2024-01-01T00:00:00Z, 2025-01-01T00:00:00Z"},
		{"enum=::1|10.0.0.1", netip.MustParseAddr("10.0.0.1"), ""},
		{"enum=::1|10.0.0.1", netip.MustParseAddr("::1"), ""},
		{"enum=::1|10.0.0.1", netip.MustParseAddr("::ffff:10.0.0.1"), "must be one of: ::1, 10.0.0.1"},
	})
}

// TestCheck: what is left to the caller.
func TestCheck(t *testing.T) {
	typ := reflect.TypeFor[*[][]string]()
	c := mustCompile(t, "required,minItems=1,items.maxItems=2,items.items.maxLength=3", typ)
	if !c.Required || c.Items == nil || c.Items.Items == nil || c.Items.Items.Items != nil || c.Items.Required {
		t.Fatalf("%+v", c)
	}
	var nothing *[][]string
	if got := c.Value(reflect.ValueOf(nothing)); got != "" {
		t.Errorf("nil: %q", got)
	}
	v := reflect.ValueOf([]string{"a", "long", "c"})
	if got, want := c.Items.Value(v), "must have at most 2 items"; got != want {
		t.Errorf("item: %q, want %q", got, want)
	}
	if got, want := c.Items.Items.Value(v.Index(1)), "must have at most 3 characters"; got != want {
		t.Errorf("item of the item: %q, want %q", got, want)
	}
	if c = mustCompile(t, "min=1", reflect.TypeFor[int]()); c.Required || c.Items != nil {
		t.Errorf("%+v", c)
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[any](), reflect.TypeFor[func()](), reflect.TypeFor[struct{ A int }](), reflect.TypeFor[chan int]()} {
		if c = mustCompile(t, "required", typ); !c.Required || c.Items != nil {
			t.Errorf("required %v: %+v", typ, c)
		}
	}
	for _, file := range []reflect.Type{reflect.TypeFor[[]*multipart.FileHeader](), reflect.TypeFor[[2]multipart.FileHeader]()} {
		c = mustCompile(t, "items.maxLength=1KiB", file)
		if got, want := c.Items.Value(reflect.ValueOf(sized(1025))), "must have at most 1 KiB"; got != want {
			t.Errorf("%v: %q, want %q", file, got, want)
		}
	}
}

func TestNone(t *testing.T) {
	c := mustCompile(t, "", reflect.TypeFor[int]())
	if c != nil {
		t.Errorf("%+v, want nil", c)
	}
	if got := c.Value(reflect.ValueOf(1)); got != "" {
		t.Errorf("nil Check: %q", got)
	}
}

// TestFirstFailing: the rules go in the order of the tag.
func TestFirstFailing(t *testing.T) {
	long := strings.Repeat("A", 9)
	testPassing(t, []passing{
		{"maxLength=3,pattern=^[a-z]+$", long, "must have at most 3 characters"},
		{"format=email,maxLength=3", long, "must be an email address"},
	})
}
