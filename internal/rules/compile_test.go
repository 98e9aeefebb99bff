package rules_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart/internal/rules"
)

type (
	ring   struct{ Next *ring }
	hidden struct{ at time.Time }
	opaque struct{ Data map[string]int }
)

// UnmarshalText makes opaque a type with texts that cannot be compared.
func (*opaque) UnmarshalText([]byte) error { return nil }

func TestCompileErrors(t *testing.T) {
	_ = hidden{}.at
	tests := []struct {
		tag  string
		v    any // of the type, or a pointer to it
		want string
	}{
		{"mini=1", 0, `byte 0: there is no rule "mini"`},

		// Not for the type.
		{"min=1", "", "rule min does not fit a string: it is for numbers and durations"},
		{"multipleOf=1", []int{}, "rule multipleOf does not fit a []int: it is for numbers and durations"},
		{"max=1", true, "rule max does not fit a bool: it is for numbers and durations"},
		{"max=1", complex(0, 0), "rule max does not fit a complex128: it is for numbers and durations"},
		{"max=1", time.Time{}, "rule max does not fit a time.Time: it is for numbers and durations"},
		{"max=1", uintptr(0), "rule max does not fit a uintptr: it is for numbers and durations"},
		{"maxLength=3", 0, "rule maxLength does not fit an int: it is for strings, bytes and files"},
		{"minLength=3", []string{}, "rule minLength does not fit a []string: it is for strings, bytes and files"},
		{"pattern=a", 0, "rule pattern does not fit an int: it is for strings"},
		{"pattern=a", []byte{}, "rule pattern does not fit a []uint8: it is for strings"},
		{"format=uuid", [16]byte{}, "rule format does not fit a [16]uint8: it is for strings"},
		{"format=date-time", time.Time{}, "rule format does not fit a time.Time: it is for strings"},
		{"enum=a", []string{}, "rule enum does not fit a []string: it is for strings, numbers, durations, booleans and types with UnmarshalText"},
		{"minItems=1", "", "rule minItems does not fit a string: it is for slices and arrays"},
		{"maxItems=1", []byte{}, "rule maxItems does not fit a []uint8: it is for slices and arrays"},
		{"minItems=1", map[string]int{}, "rule minItems does not fit a map[string]int: it is for slices and arrays"},
		{"uniqueItems", "", "rule uniqueItems does not fit a string: it is for slices and arrays"},
		{"uniqueItems", []byte{}, "rule uniqueItems does not fit a []uint8: it is for slices and arrays"},
		{"minProperties=1", struct{}{}, "rule minProperties does not fit a struct {}: it is for maps"},
		{"maxProperties=1", []int{}, "rule maxProperties does not fit a []int: it is for maps"},
		{"items.max=1", 0, "rule items.max does not fit an int, which has no items"},
		{"items.max=1", []byte{}, "rule items.max does not fit a []uint8, which has no items"},
		{"items.items.max=1", []int{}, "rule items.items.max does not fit an int, which has no items"},
		{"items.maxLength=1", []int{}, "rule items.maxLength does not fit an int: it is for strings, bytes and files"},
		{"max=1", new(any), "rule max does not fit an interface, whose type is known only when there is a value"},
		{"required,format=uuid", new(error), "rule format does not fit an interface, whose type is known only when there is a value"},
		{"items.min=1", []any{}, "rule items.min does not fit an interface, whose type is known only when there is a value"},

		// Not a value of the type.
		{"min=one", 0, "rule min has the value one, which is no number"},
		{"min=1.5", 0, "rule min has the value 1.5, which is no integer"},
		{"min=1e3", 0, "rule min has the value 1e3, which is no integer"},
		{"min=0x10", 0, "rule min has the value 0x10, which is no number"},
		{"min=010", 0, "rule min has the value 010, which is no number"},
		{"min=+1", 0, "rule min has the value +1, which is no number"},
		{"min=1_000", 0, "rule min has the value 1_000, which is no number"},
		{"min= 1", 0, "rule min has the value  1, which is no number"},
		{"min=-", 0, "rule min has the value -, which is no number"},
		{"max=128", int8(0), "rule max has the value 128, which does not fit an int8"},
		{"min=-129", int8(0), "rule min has the value -129, which does not fit an int8"},
		{"max=9223372036854775808", int64(0), "rule max has the value 9223372036854775808, which does not fit an int64"},
		{"min=-1", uint(0), "rule min has the value -1, which does not fit a uint"},
		{"max=256", uint8(0), "rule max has the value 256, which does not fit a uint8"},
		{"max=18446744073709551616", uint64(0), "rule max has the value 18446744073709551616, which does not fit a uint64"},
		{"max=1e309", 0.0, "rule max has the value 1e309, which does not fit a float64"},
		{"max=1e39", float32(0), "rule max has the value 1e39, which does not fit a float32"},
		{"min=1e-400", 0.0, "rule min has the value 1e-400, which does not fit a float64"},
		{"min=1e-46", float32(0), "rule min has the value 1e-46, which does not fit a float32"},
		{"min=NaN", 0.0, "rule min has the value NaN, which is no number"},
		{"max=Inf", 0.0, "rule max has the value Inf, which is no number"},
		{"min=.5", 0.0, "rule min has the value .5, which is no number"},
		{"min=5.", 0.0, "rule min has the value 5., which is no number"},
		{"min=5e", 0.0, "rule min has the value 5e, which is no number"},
		{"min=5x", 0.0, "rule min has the value 5x, which is no number"},
		{"min=0x1p-2", 0.0, "rule min has the value 0x1p-2, which is no number"},
		{"min=90", time.Second, "rule min has the value 90, which is no duration such as 1m30s"},
		{"multipleOf=0", 0, "rule multipleOf has the value 0, which is not more than 0"},
		{"multipleOf=-5", 0, "rule multipleOf has the value -5, which is not more than 0"},
		{"multipleOf=0.0", 0.0, "rule multipleOf has the value 0.0, which is not more than 0"},
		{"multipleOf=0s", time.Second, "rule multipleOf has the value 0s, which is not more than 0"},
		{"multipleOf=1.2345678901234567890123", 0.0, "rule multipleOf has the value 1.2345678901234567890123, which has more than 19 digits"},
		{"multipleOf=0.5", 0, "rule multipleOf has the value 0.5, which is no integer"},
		{"maxLength=-1", "", "rule maxLength has the value -1, which is no count"},
		{"maxLength=-0", "", "rule maxLength has the value -0, which is no count"},
		{"maxLength=01", "", "rule maxLength has the value 01, which is no count"},
		{"maxLength=5KiB", "", "rule maxLength has the value 5KiB, which is no count"},
		{"maxLength=9223372036854775808", "", "rule maxLength has the value 9223372036854775808, which is no count"},
		{"maxItems=1.0", []int{}, "rule maxItems has the value 1.0, which is no count"},
		{"maxProperties=x", map[string]int{}, "rule maxProperties has the value x, which is no count"},
		{"maxLength=5MB", sized(0), "rule maxLength has the value 5MB, which is no size such as 500, 64KiB, 5MiB or 1GiB"},
		{"maxLength=MiB", sized(0), "rule maxLength has the value MiB, which is no count"},
		{"maxLength=9007199254740992KiB", sized(0), "rule maxLength has the value 9007199254740992KiB, which is no count"},
		{"pattern=(", "", "rule pattern has a value that does not compile: error parsing regexp: missing closing ): `(`"},
		{"pattern=(?=a)", "", "rule pattern has a value that does not compile: error parsing regexp: invalid or unsupported Perl syntax: `(?=`"},
		{"format=phone", "", "rule format has the value phone, which is none of: byte, date, date-time, duration, email, hostname, ipv4, ipv6, json-pointer, time, uri, uri-reference, uuid"},
		{"enum=1|x", 0, "rule enum has the value x, which is no number"},
		{"enum=1||2", 0, "rule enum has the value , which is no number"},
		{"enum=1|300", uint8(0), "rule enum has the value 300, which does not fit a uint8"},
		{"enum=1s|2", time.Second, "rule enum has the value 2, which is no duration such as 1m30s"},
		{"enum=yes", false, `rule enum has the value "yes", which is neither true nor false`},
		{"enum=green", color(0), `rule enum has the value "green", which is no rules_test.color: no color`},
		{"enum=a|b|a", "", `rule enum has the value "a" twice`},
		{"enum=1|1", 0, `rule enum has the value "1" twice`},
		{"enum=0|-0", 0.0, `rule enum has the value "-0" twice`},
		{"enum=true|true", false, `rule enum has the value "true" twice`},
		{"enum=red|rouge", color(0), `rule enum has the value "rouge" twice`},
		{"enum=a", opaque{}, "rule enum does not fit a rules_test.opaque: a map[string]int cannot be compared"},

		// What cannot be compared.
		{"uniqueItems", []map[string]int{}, "rule uniqueItems does not fit a []map[string]int: a map[string]int cannot be compared"},
		{"uniqueItems", []any{}, "rule uniqueItems does not fit a []interface {}: an interface {} cannot be compared"},
		{"uniqueItems", []struct{ F func() }{}, "rule uniqueItems does not fit a []struct { F func() }: a func() cannot be compared"},
		{"uniqueItems", []*chan int{}, "rule uniqueItems does not fit a []*chan int: a chan int cannot be compared"},
		{"uniqueItems", []complex64{}, "rule uniqueItems does not fit a []complex64: a complex64 cannot be compared"},
		{"uniqueItems", []ring{}, "rule uniqueItems does not fit a []rules_test.ring: a rules_test.ring, which holds itself, cannot be compared"},
		{"uniqueItems", []hidden{}, "rule uniqueItems does not fit a []rules_test.hidden: a time.Time that is not exported cannot be compared"},

		// What no value can meet.
		{"min=5,max=3", 0, "rule min=5 and max=3 leave no value"},
		{"max=3,min=5", 0, "rule min=5 and max=3 leave no value"},
		{"exclusiveMin=3,max=3", 0, "rule exclusiveMin=3 and max=3 leave no value"},
		{"min=3,exclusiveMax=3", 0.0, "rule min=3 and exclusiveMax=3 leave no value"},
		{"exclusiveMin=3,exclusiveMax=4", 0, "rule exclusiveMin=3 and exclusiveMax=4 leave no value"},
		{"min=1,exclusiveMin=5,max=5", 0, "rule exclusiveMin=5 and max=5 leave no value"},
		{"min=1,max=9,exclusiveMax=1", 0, "rule min=1 and exclusiveMax=1 leave no value"},
		{"min=5,exclusiveMax=5,max=5", 0, "rule min=5 and exclusiveMax=5 leave no value"},
		{"exclusiveMin=5,min=5,max=5", 0, "rule exclusiveMin=5 and max=5 leave no value"},
		{"exclusiveMax=-128", int8(0), "rule exclusiveMax=-128 leaves no value of an int8"},
		{"exclusiveMin=127", int8(0), "rule exclusiveMin=127 leaves no value of an int8"},
		{"exclusiveMax=0", uint64(0), "rule exclusiveMax=0 leaves no value of a uint64"},
		{"exclusiveMin=18446744073709551615", uint64(0), "rule exclusiveMin=18446744073709551615 leaves no value of a uint64"},
		{"min=1m,max=1s", time.Second, "rule min=1m and max=1s leave no value"},
		{"minLength=2,maxLength=1", "", "rule minLength=2 and maxLength=1 leave no value"},
		{"minLength=2KiB,maxLength=2047", sized(0), "rule minLength=2KiB and maxLength=2047 leave no value"},
		{"maxItems=1,minItems=2", []int{}, "rule minItems=2 and maxItems=1 leave no value"},
		{"minProperties=2,maxProperties=1", map[string]int{}, "rule minProperties=2 and maxProperties=1 leave no value"},
		{"items.items.min=2,items.items.max=1", [][]int{}, "rule items.items.min=2 and max=1 leave no value"},
		{"minItems=4", [3]int{}, "rule minItems=4 leaves no value of a [3]int"},
		{"maxItems=2", [3]int{}, "rule maxItems=2 leaves no value of a [3]int"},
		{"minLength=17", [16]byte{}, "rule minLength=17 leaves no value of a [16]uint8"},
	}
	for _, tt := range tests {
		c, err := rules.Compile(tt.tag, reflect.TypeOf(tt.v))
		if c != nil || err == nil || err.Error() != tt.want {
			t.Errorf("Compile(%q, %T): %v\nwant %s", tt.tag, tt.v, err, tt.want)
		}
	}
}

// TestCompiles: what is just not refused.
func TestCompiles(t *testing.T) {
	for _, tt := range []struct {
		tag string
		v   any
	}{
		{"min=3,max=3", 0},
		{"exclusiveMin=3,exclusiveMax=5", 0},
		{"exclusiveMin=3,exclusiveMax=4", 0.0},
		{"min=5,exclusiveMin=3,max=5", 0},
		{"exclusiveMin=-9223372036854775808,exclusiveMax=9223372036854775807", int64(0)},
		{"min=-128,max=127", int8(0)},
		{"multipleOf=1.234567890123456789", 0.0},
		{"multipleOf=10000000000000000000000", 0.0},
		{"multipleOf=0.10000000000000000000000", 0.0},
		{"min=0e-999,max=0.000", 0.0},
		{"minItems=0,maxItems=9", [3]int{}},
		{"minLength=3,maxLength=3", ""},
		{"uniqueItems,items.uniqueItems", [][]*string{}},
		{"uniqueItems", []time.Time{}},
		{"uniqueItems", []struct{ T time.Time }{}},
	} {
		if c, err := rules.Compile(tt.tag, reflect.TypeOf(tt.v)); c == nil || err != nil {
			t.Errorf("Compile(%q, %T): %v, %v", tt.tag, tt.v, c, err)
		}
	}
}

// fuzzTypes are types of every kind, with zero values to check.
var fuzzTypes = []any{
	0, int8(0), uint64(0), 0.5, float32(1), time.Second, "", name("x"), true, []byte("x"),
	[4]byte{},
	[]string{"a", "a"},
	[2]int{},
	[][]float64{{1}},
	map[string]int{"a": 1},
	sized(5),
	[]any{1},
	new(any),
	time.Time{},
	color(1), new(*int),
	struct{ A int }{},
	[]struct{ B *bool }{{}, {}},
}

// FuzzCompile: no tag makes Compile or a check that it returned panic.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"required,min=1,max=5", "multipleOf=0.01", "multipleOf=1e-300", "minLength=1,maxLength=5MiB", "enum=a|b|1|1s|true", "format=date-time",
		"uniqueItems,items.uniqueItems,items.items.max=3", "pattern=^[a-z]+$", "minProperties=1", "exclusiveMin=0,exclusiveMax=1", "enum=2024-01-01T00:00:00Z",
		"multipleOf=1e999999999999999999999", "max=-0.0e+00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		for _, v := range fuzzTypes {
			c, err := rules.Compile(tag, reflect.TypeOf(v))
			switch {
			case err != nil && c != nil, err == nil && (c == nil) != (tag == ""):
				t.Fatalf("Compile(%q, %T) = %v, %v", tag, v, c, err)
			case err != nil && !strings.HasPrefix(err.Error(), "rule ") && !strings.HasPrefix(err.Error(), "byte "):
				t.Fatalf("Compile(%q, %T): %v", tag, v, err)
			}
			c.Value(reflect.ValueOf(v))
		}
	})
}
