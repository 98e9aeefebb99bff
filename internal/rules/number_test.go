package rules_test

import (
	"math"
	"math/big"
	"reflect"
	"strconv"
	"testing"
	"time"
)

type (
	stars  int8
	price  float64
	retry  time.Duration // a number: only time.Duration itself is written as 1m30s
	weight *float32
)

func TestBounds(t *testing.T) {
	seven := 7
	pointer := &seven
	var none *int
	testPassing(t, []passing{
		{"min=1", 0, "must be at least 1"},
		{"min=1", 1, ""},
		{"max=5", 5, ""},
		{"max=5", 6, "must be at most 5"},
		{"exclusiveMin=0", 0, "must be more than 0"},
		{"exclusiveMin=0", 1, ""},
		{"exclusiveMax=9", 9, "must be less than 9"},
		{"exclusiveMax=9", 8, ""},
		{"min=1,max=5", stars(0), "must be at least 1"},
		{"min=1,max=5", stars(6), "must be at most 5"},
		{"max=5,min=1", stars(3), ""},
		{"min=8", pointer, "must be at least 8"},
		{"min=8", &pointer, "must be at least 8"},
		{"min=7", &pointer, ""},
		{"min=8", none, ""},
		{"min=8", &none, ""},

		// The limits of each kind are exact.
		{"min=-128", int8(-128), ""},
		{"max=127", int8(127), ""},
		{"exclusiveMax=127", int8(127), "must be less than 127"},
		{"min=-9223372036854775808", int64(math.MinInt64), ""},
		{"exclusiveMin=-9223372036854775808", int64(math.MinInt64), "must be more than -9223372036854775808"},
		{"max=9223372036854775806", int64(math.MaxInt64), "must be at most 9223372036854775806"},
		{"max=9223372036854775806", int64(math.MaxInt64 - 1), ""},
		{"min=9007199254740993", int64(9007199254740992), "must be at least 9007199254740993"},
		{"max=18446744073709551614", uint64(math.MaxUint64), "must be at most 18446744073709551614"},
		{"max=18446744073709551615", uint64(math.MaxUint64), ""},
		{"min=9223372036854775808", uint64(math.MaxInt64), "must be at least 9223372036854775808"},
		{"max=255", uint8(255), ""},
		{"min=65535", uint16(65534), "must be at least 65535"},
		{"min=-2147483648", int32(math.MinInt32), ""},
		{"max=4294967295", uint32(math.MaxUint32), ""},
		{"max=3", uint(4), "must be at most 3"},

		// Floats.
		{"min=0.5", 0.5, ""},
		{"min=0.5", math.Nextafter(0.5, 0), "must be at least 0.5"},
		{"max=1e3", 1000.0, ""},
		{"max=1e3", math.Nextafter(1000, 2000), "must be at most 1e3"},
		{"exclusiveMin=0", math.SmallestNonzeroFloat64, ""},
		{"exclusiveMin=0", math.Copysign(0, -1), "must be more than 0"},
		{"min=0", math.Copysign(0, -1), ""},
		{"max=0", math.Copysign(0, -1), ""},
		{"min=-0", 0.0, ""},
		{"exclusiveMax=0.1", price(0.1), "must be less than 0.1"},
		{"max=0.1", float32(0.1), ""}, // rounded as the values are
		{"exclusiveMin=0.1", float32(0.1), "must be more than 0.1"},
		{"min=1", weight(new(float32)), "must be at least 1"},
		{"max=1.7976931348623157e308", math.MaxFloat64, ""},
		{"max=1.7976931348623157e308", math.Inf(1), "must be at most 1.7976931348623157e308"},
		{"min=0", math.Inf(-1), "must be at least 0"},
		{"min=0", math.Inf(1), ""},
		{"min=-5", math.NaN(), "must be at least -5"},
		{"max=5", math.NaN(), "must be at most 5"},
		{"exclusiveMin=-5", math.NaN(), "must be more than -5"},
		{"exclusiveMax=5", math.NaN(), "must be less than 5"},
		{"max=5", float32(math.NaN()), "must be at most 5"},

		// Durations.
		{"min=1m30s", 90 * time.Second, ""},
		{"min=1m30s", 90*time.Second - 1, "must be at least 1m30s"},
		{"exclusiveMax=1h", time.Hour, "must be less than 1h"},
		{"min=-1s", -time.Second, ""},
		{"max=0", time.Nanosecond, "must be at most 0"},
		{"max=1000", retry(1001), "must be at most 1000"},
	})
}

func TestMultipleOf(t *testing.T) {
	const no = "must be a multiple of "
	testPassing(t, []passing{
		{"multipleOf=5", 0, ""},
		{"multipleOf=5", 5, ""},
		{"multipleOf=5", -10, ""},
		{"multipleOf=5", 4, no + "5"},
		{"multipleOf=5", -4, no + "5"},
		{"multipleOf=1", int64(math.MinInt64), ""},
		{"multipleOf=9223372036854775807", int64(math.MaxInt64), ""},
		{"multipleOf=3", uint64(math.MaxUint64), ""},
		{"multipleOf=4", uint64(math.MaxUint64), no + "4"},
		{"multipleOf=15s", time.Minute, ""},
		{"multipleOf=15s", time.Minute + 1, no + "15s"},

		// What people expect of decimals.
		{"multipleOf=0.01", 19.99, ""},
		{"multipleOf=0.01", -19.99, ""},
		{"multipleOf=0.01", 0.07, ""},
		{"multipleOf=0.01", 1.005, no + "0.01"},
		{"multipleOf=0.01", 0.075, no + "0.01"},
		{"multipleOf=0.01", 0.001, no + "0.01"},
		{"multipleOf=0.01", 1e-300, no + "0.01"},
		{"multipleOf=0.01", 123456789.12, ""},
		{"multipleOf=0.01", 123456789.125, no + "0.01"},
		{"multipleOf=0.01", 99999999999999.99, ""},
		{"multipleOf=0.01", 9999999999999.995, no + "0.01"},
		{"multipleOf=0.01", 1e300, ""},
		{"multipleOf=0.1", 0.1 + 0.2, ""},
		{"multipleOf=0.1", 0.30001, no + "0.1"},
		{"multipleOf=0.1", 4.35 * 100, ""}, // 434.99999999999994
		{"multipleOf=0.3", 0.9, ""},
		{"multipleOf=0.3", 1.0, no + "0.3"},
		{"multipleOf=2.5", 7.5, ""},
		{"multipleOf=2.50", 7.0, no + "2.50"},
		{"multipleOf=1e-2", 0.29, ""},
		{"multipleOf=25e-2", 0.75, ""},
		{"multipleOf=0.01", float32(19.99), ""},
		{"multipleOf=0.01", float32(19.995), no + "0.01"},
		{"multipleOf=0.01", float32(131071.99), ""},

		// Integers are exact.
		{"multipleOf=5", 15.0, ""},
		{"multipleOf=5", 16.0, no + "5"},
		{"multipleOf=1", 1.0000000000000002, no + "1"},
		{"multipleOf=1", 0.5, no + "1"},
		{"multipleOf=4000000000", 4000000000000001.0, no + "4000000000"},
		{"multipleOf=5e2", 1500.0, ""},
		{"multipleOf=500", 1600.0, no + "500"},
		{"multipleOf=10", 1e23, ""}, // its float is 99999999999999991611392
		{"multipleOf=7", 1e23, no + "7"},
		{"multipleOf=1e20", 3e22, ""},
		{"multipleOf=1e20", 1e19, no + "1e20"},
		{"multipleOf=3", float32(16777215), ""},

		{"multipleOf=0.5", math.Copysign(0, -1), ""},
		{"multipleOf=0.5", math.NaN(), no + "0.5"},
		{"multipleOf=0.5", math.Inf(1), no + "0.5"},
		{"multipleOf=5", math.Inf(-1), no + "5"},
		{"multipleOf=5e-324", 5e-323, ""},
		{"multipleOf=9.857142857142858", math.SmallestNonzeroFloat64, no + "9.857142857142858"},
		{"multipleOf=4e-324", 1e-323, no + "4e-324"},
		{"multipleOf=1.7976931348623157e308", math.MaxFloat64, ""},
	})
}

// FuzzMultipleOf compares with exact arithmetic on the decimals that stand for the numbers.
func FuzzMultipleOf(f *testing.F) {
	f.Add(19.99, 0.01)
	f.Add(1e23, 10.0)
	f.Add(0.30000000000000004, 0.1)
	f.Add(434.99999999999994, 0.1)
	f.Add(5e-324, 5e-324)
	f.Add(1e300, 0.7)
	f.Add(4000000000000001.0, 4000000000.0)
	f.Fuzz(func(t *testing.T, v, step float64) {
		text := strconv.FormatFloat(step, 'g', -1, 64)
		m, ok := new(big.Rat).SetString(text)
		n, ok2 := new(big.Rat).SetString(strconv.FormatFloat(v, 'g', -1, 64))
		if !ok || !ok2 || m.Sign() <= 0 {
			return
		}
		q := new(big.Rat).Quo(n, m)
		got := detailOf(t, "multipleOf="+text, v) == ""
		if q.IsInt() && !got {
			t.Fatalf("%v is a multiple of %v", v, text)
		}
		if !got || q.IsInt() {
			return
		}
		// Passed, but not exactly: only by the last bits of v, and only for steps that are no integers.
		off := new(big.Rat).Sub(q, nearest(q))
		limit := new(big.Rat).Mul(new(big.Rat).Abs(q), new(big.Rat).SetFloat64(0x1p-49))
		if m.IsInt() || off.Abs(off).Cmp(limit) > 0 {
			t.Fatalf("%v is no multiple of %v", v, text)
		}
	})
}

func nearest(q *big.Rat) *big.Rat {
	half := new(big.Rat).Add(q, big.NewRat(1, 2))
	return new(big.Rat).SetInt(new(big.Int).Div(half.Num(), half.Denom())) // Euclidean: floor
}

// FuzzBounds compares the bounds of an int64 with big integers.
func FuzzBounds(f *testing.F) {
	f.Add(int64(math.MinInt64), int64(math.MaxInt64))
	f.Add(int64(9007199254740993), int64(9007199254740992))
	f.Add(int64(-1), int64(0))
	f.Fuzz(func(t *testing.T, v, bound int64) {
		signed, unsigned := strconv.FormatInt(bound, 10), strconv.FormatUint(uint64(bound), 10)
		for _, tt := range []struct {
			tag   string
			v     any
			holds bool
		}{
			{"min=" + signed, v, v >= bound},
			{"max=" + signed, v, v <= bound},
			{"min=" + unsigned, uint64(v), uint64(v) >= uint64(bound)},
			{"max=" + unsigned, uint64(v), uint64(v) <= uint64(bound)},
		} {
			if got := detailOf(t, tt.tag, tt.v) == ""; got != tt.holds {
				t.Errorf("%s of %T(%v): %v", tt.tag, tt.v, tt.v, got)
			}
		}
	})
}

// TestNumberTypes: each kind of number takes each rule of numbers.
func TestNumberTypes(t *testing.T) {
	for _, v := range []any{
		int(0), int8(0), int16(0), int32(0), int64(0), uint(0), uint8(0), uint16(0), uint32(0), uint64(0), float32(0), float64(0),
		stars(0), price(0),
	} {
		typ := reflect.TypeOf(v)
		c := mustCompile(t, "min=2,max=50,exclusiveMin=1,exclusiveMax=51,multipleOf=2,enum=4|6", typ)
		for n, want := range map[int]string{
			1: "must be at least 2", 52: "must be at most 50", 3: "must be a multiple of 2", 8: "must be one of: 4, 6", 4: "",
		} {
			if got := c.Value(reflect.ValueOf(n).Convert(typ)); got != want {
				t.Errorf("%v %d: %q, want %q", typ, n, got, want)
			}
		}
	}
}
