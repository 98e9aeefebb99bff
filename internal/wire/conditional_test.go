package wire_test

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/wire"
)

func TestValidETag(t *testing.T) {
	for etag, want := range map[string]bool{
		`"a"`: true, `W/"a"`: true, `""`: true, `"a,b"`: true, "\"\xff\"": true,
		``: false, `"`: false, `a`: false, `W/`: false, `W/a`: false, `w/"a"`: false,
		`"a" `: false, `"a b"`: false, `"a"b"`: false, "\"\x7f\"": false, `*`: false,
	} {
		if got := wire.ValidETag([]byte(etag)); got != want {
			t.Errorf("ValidETag(%q) = %v", etag, got)
		}
	}
}

var etagTests = []struct {
	list, etag   string
	strong, weak bool
}{
	{`"a"`, `"a"`, true, true},
	{`"a"`, `"b"`, false, false},
	{`W/"a"`, `"a"`, false, true},
	{`"a"`, `W/"a"`, false, true},
	{`W/"a"`, `W/"a"`, false, true},
	{`"x" , "y,z",W/"w","a"`, `"a"`, true, true},
	{`"x","y,z"`, `"y,z"`, true, true},
	{`"y,z"`, `"z"`, false, false},
	{`,, "a",`, `"a"`, true, true},
	{` * `, `"a"`, true, true},
	{`*`, ``, true, true},
	{`*`, `rubbish`, true, true},
	{`"*"`, `"a"`, false, false},
	{`*, "b"`, `"a"`, false, false},
	{``, `"a"`, false, false},
	{`a`, `a`, false, false},
	{`"a`, `"a`, false, false},
	{`b, "a"`, `"a"`, false, false},
	{`"b" "a"`, `"a"`, false, false},
	{`"a" rubbish`, `"a"`, true, true},
}

func TestETagMatch(t *testing.T) {
	for _, tt := range etagTests {
		if got := wire.ETagMatch([]byte(tt.list), []byte(tt.etag), false); got != tt.strong {
			t.Errorf("ETagMatch(%s, %s, strong) = %v", tt.list, tt.etag, got)
		}
		if got := wire.ETagMatch([]byte(tt.list), []byte(tt.etag), true); got != tt.weak {
			t.Errorf("ETagMatch(%s, %s, weak) = %v", tt.list, tt.etag, got)
		}
	}
}

func FuzzETagMatch(f *testing.F) {
	for _, tt := range etagTests {
		f.Add(tt.list, tt.etag)
	}
	f.Fuzz(func(t *testing.T, list, etag string) {
		strong := wire.ETagMatch([]byte(list), []byte(etag), false)
		weak := wire.ETagMatch([]byte(list), []byte(etag), true)
		if strong && !weak {
			t.Errorf("%q, %q match strongly but not weakly", list, etag)
		}
		if weak && strings.Trim(list, " \t") != "*" && !strings.Contains(list, strings.TrimPrefix(etag, "W/")) {
			t.Errorf("%q matches %q", list, etag)
		}
		if wire.ValidETag([]byte(etag)) && !wire.ETagMatch([]byte(`W/"x,y" , `+etag+`,`+list), []byte(etag), true) {
			t.Errorf("%q is not found in its list", etag)
		}
	})
}

var rangeTests = []struct {
	header string
	size   int64
	want   []wire.Range
	err    error
}{
	{"bytes=0-0", 10, []wire.Range{{0, 1}}, nil},
	{"bytes=0-9", 10, []wire.Range{{0, 10}}, nil},
	{"bytes=0-99", 10, []wire.Range{{0, 10}}, nil},
	{"bytes=5-", 10, []wire.Range{{5, 5}}, nil},
	{"bytes=-3", 10, []wire.Range{{7, 3}}, nil},
	{"bytes=-30", 10, []wire.Range{{0, 10}}, nil},
	{" Bytes= 0-1 ,, 3-4 , -1", 10, []wire.Range{{0, 2}, {3, 2}, {9, 1}}, nil},
	{"bytes=20-, 1-1", 10, []wire.Range{{1, 1}}, nil},
	{"bytes=1-99999999999999999999", 10, []wire.Range{{1, 9}}, nil},
	{"bytes=-99999999999999999999", 10, []wire.Range{{0, 10}}, nil},
	{"bytes=9223372036854775806-", math.MaxInt64, []wire.Range{{math.MaxInt64 - 1, 1}}, nil},
	{"bytes=0-9223372036854775807", math.MaxInt64, []wire.Range{{0, math.MaxInt64}}, nil},
	{"bytes=10-", 10, nil, wire.ErrRangeUnsatisfiable},
	{"bytes=10-20,30-", 10, nil, wire.ErrRangeUnsatisfiable},
	{"bytes=-0", 10, nil, wire.ErrRangeUnsatisfiable},
	{"bytes=0-", 0, nil, wire.ErrRangeUnsatisfiable},
	{"bytes=-5", 0, nil, wire.ErrRangeUnsatisfiable},
	{"bytes=99999999999999999999-", 10, nil, wire.ErrRangeUnsatisfiable},
	{"", 10, nil, wire.ErrRangeMalformed},
	{"bytes", 10, nil, wire.ErrRangeMalformed},
	{"bytes=", 10, nil, wire.ErrRangeMalformed},
	{"bytes=,", 10, nil, wire.ErrRangeMalformed},
	{"bytes=-", 10, nil, wire.ErrRangeMalformed},
	{"bytes=5", 10, nil, wire.ErrRangeMalformed},
	{"bytes=5-4", 10, nil, wire.ErrRangeMalformed},
	{"bytes=0-1,x", 10, nil, wire.ErrRangeMalformed},
	{"bytes=+1-2", 10, nil, wire.ErrRangeMalformed},
	{"bytes=1--2", 10, nil, wire.ErrRangeMalformed},
	{"bytes=--2", 10, nil, wire.ErrRangeMalformed},
	{"bytes=1 - 2", 10, nil, wire.ErrRangeMalformed},
	{"bytes = 1-2", 10, nil, wire.ErrRangeMalformed},
	{"items=0-1", 10, nil, wire.ErrRangeMalformed},
	{"bytes=" + strings.Repeat("0-0,", wire.MaxRanges), 10, slices.Repeat([]wire.Range{{0, 1}}, wire.MaxRanges), nil},
	{"bytes=" + strings.Repeat("0-0,", wire.MaxRanges+1), 10, nil, wire.ErrRangeMalformed},
}

func TestParseRange(t *testing.T) {
	for _, tt := range rangeTests {
		kept := []wire.Range{{1, 2}}
		got, err := wire.ParseRange([]byte(tt.header), tt.size, kept)
		if !errors.Is(err, tt.err) || !slices.Equal(got, append(kept, tt.want...)) {
			t.Errorf("ParseRange(%q, %d) = %v, %v, want %v, %v", tt.header, tt.size, got[1:], err, tt.want, tt.err)
		}
	}
}

func TestMayBeConditional(t *testing.T) {
	for fields, want := range map[string]bool{
		"":                                      false,
		"\r\n":                                  false,
		"Host: if-match\r\nAccept: */*\r\n\r\n": false,
		"If-None-Match: x\r\n\r\n":              true,
		"Host: x\r\nIf-Match: x\r\n\r\n":        true,
		"Host: x\nif-range: x\n\n":              true,
		"Host: x\r\nIF-MODIFIED-SINCE:\r\n":     true,
		"Host: x\r\nRange: bytes=0-1\r\n":       true,
		"Host: x\r\nrANGE: bytes=0-1\r\n":       true,
		"Host: x\r\nReferer: y\r\nIfx: y\r\n":   false,
		"X: y\r\nRange:":                        true,
	} {
		if got := wire.MayBeConditional([]byte(fields)); got != want {
			t.Errorf("%q: %v", fields, got)
		}
	}
}

func TestOneRange(t *testing.T) {
	for _, tt := range []struct {
		in   []wire.Range
		want wire.Range // Length 0 for none
	}{
		{[]wire.Range{{3, 4}}, wire.Range{3, 4}},
		{[]wire.Range{{0, 2}, {2, 3}}, wire.Range{0, 5}},
		{[]wire.Range{{5, 5}, {0, 6}}, wire.Range{0, 10}},
		{[]wire.Range{{0, 9}, {1, 1}, {9, 1}}, wire.Range{0, 10}},
		{[]wire.Range{{0, 2}, {3, 3}}, wire.Range{}},
		{[]wire.Range{{7, 1}, {0, 2}, {2, 4}}, wire.Range{}},
		{[]wire.Range{{math.MaxInt64 - 2, 2}, {0, math.MaxInt64 - 2}}, wire.Range{0, math.MaxInt64}},
	} {
		got, ok := wire.OneRange(slices.Clone(tt.in))
		if got != tt.want || ok != (tt.want.Length > 0) {
			t.Errorf("OneRange(%v) = %v, %v, want %v", tt.in, got, ok, tt.want)
		}
	}
}

// FuzzOneRange compares with a bitmap.
func FuzzOneRange(f *testing.F) {
	f.Add([]byte{0, 2, 2, 3})
	f.Add([]byte{9, 1, 0, 9, 20, 1})
	f.Fuzz(func(t *testing.T, pairs []byte) {
		var rs []wire.Range
		var covered [512]bool
		first, last, n := len(covered), 0, 0
		for ; len(pairs) >= 2; pairs = pairs[2:] {
			start, length := int(pairs[0]), int(pairs[1])%32+1
			rs = append(rs, wire.Range{Start: int64(start), Length: int64(length)})
			first, last = min(first, start), max(last, start+length)
			for i := range length {
				if !covered[start+i] {
					covered[start+i] = true
					n++
				}
			}
		}
		if len(rs) == 0 {
			return
		}
		got, ok := wire.OneRange(rs)
		if ok != (n == last-first) || ok && got != (wire.Range{Start: int64(first), Length: int64(n)}) {
			t.Errorf("%v: %v, %v, want %d bytes from %d", rs, got, ok, n, first)
		}
	})
}

// slowRange reads one spec with integers that cannot overflow.
func slowRange(spec string, size int64) (r wire.Range, valid bool) {
	a, b, ok := strings.Cut(strings.Trim(spec, " \t"), "-")
	if !ok || strings.Trim(a+b, "0123456789") != "" || a+b == "" {
		return wire.Range{}, false
	}
	first, last, end := new(big.Int), new(big.Int), big.NewInt(size)
	switch {
	case a == "":
		last.Sub(end, big.NewInt(1))
		suffix, _ := new(big.Int).SetString(b, 10)
		if first.Sub(end, suffix); first.Sign() < 0 {
			first.SetInt64(0)
		}
	case b == "":
		first.SetString(a, 10)
		last.Sub(end, big.NewInt(1))
	default:
		first.SetString(a, 10)
		last.SetString(b, 10)
		if last.Cmp(first) < 0 && last.Cmp(big.NewInt(math.MaxInt64)) < 0 { // from there on they are not told apart: unsatisfiable all
			return wire.Range{}, false
		}
		if last.Cmp(end) >= 0 {
			last.Sub(end, big.NewInt(1))
		}
	}
	if first.Cmp(end) >= 0 {
		return wire.Range{}, true
	}
	return wire.Range{Start: first.Int64(), Length: last.Int64() - first.Int64() + 1}, true
}

func FuzzParseRange(f *testing.F) {
	for _, tt := range rangeTests {
		f.Add(strings.TrimPrefix(tt.header, "bytes="), tt.size)
	}
	f.Add("10000000000000000000-0", int64(10))
	f.Add("9223372036854775808-9223372036854775807", int64(10))
	f.Fuzz(func(t *testing.T, specs string, size int64) {
		if size < 0 || strings.Contains(specs, `"`) {
			return
		}
		var want []wire.Range
		var wantErr error
		n := 0
		for spec := range strings.SplitSeq(specs, ",") {
			if strings.Trim(spec, " \t") == "" {
				continue
			}
			n++
			r, valid := slowRange(spec, size)
			if !valid {
				wantErr = wire.ErrRangeMalformed
			}
			if r.Length > 0 {
				want = append(want, r)
			}
		}
		if n == 0 || n > wire.MaxRanges {
			wantErr = wire.ErrRangeMalformed
		}
		if wantErr == nil && len(want) == 0 {
			wantErr = wire.ErrRangeUnsatisfiable
		}
		got, err := wire.ParseRange([]byte("bytes="+specs), size, nil)
		if !errors.Is(err, wantErr) || err == nil && !slices.Equal(got, want) {
			t.Errorf("ParseRange(%q, %d) = %v, %v, want %v, %v", specs, size, got, err, want, wantErr)
		}
	})
}

func BenchmarkParseRange(b *testing.B) {
	header, dst := []byte("bytes=0-499, -500"), make([]wire.Range, 0, 4)
	for b.Loop() {
		if _, err := wire.ParseRange(header, 10_000, dst); err != nil {
			b.Fatal(err)
		}
	}
}
