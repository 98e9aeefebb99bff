package radix_test

import (
	"math"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/radix"
)

func TestConverters(t *testing.T) {
	const id = "123e4567-E89b-12d3-a456-426614174000"
	custom := radix.Converters{
		"even": func(v []byte) bool { return len(v)%2 == 0 },
		"all":  nil,
		"int":  func([]byte) bool { return true }, // built-in names win
	}
	tests := []struct {
		converter string
		accepts   []string
		refuses   []string
	}{
		{"", []string{"a", "é", "a b", "\xff", "{", "%2F"}, []string{"", "a/b", "/"}},
		{"string", []string{"a"}, []string{"", "/"}},
		{"string(length=2)", []string{"ab", "éé", "\xff\xff"}, []string{"", "a", "abc", "é"}},
		{"string(minlength=2)", []string{"ab", strings.Repeat("x", 999)}, []string{"a", "é"}},
		{"string(maxlength=2)", []string{"a", "éé"}, []string{"", "abc"}},
		{"string(minlength=1, maxlength=9)", []string{"a", "123456789"}, []string{"", "1234567890"}},
		{"int", []string{"0", "007", "9223372036854775807", "0000000000000000000000000000001"}, []string{
			"", "-1", "+1", "1.0", "1e3", " 1", "1 ", "a", "0x1", "1_000", "\u0661",
			"9223372036854775808", "18446744073709551615", "18446744073709551616", "99999999999999999999", "100000000000000000000",
		}},
		{"int(min=1,max=9)", []string{"1", "9", "09"}, []string{"0", "10", "-1"}},
		{"int(fixed_digits=4)", []string{"0001", "2024"}, []string{"1", "00001", "-001", "12345"}},
		{"int(signed)", []string{"1", "-1", "-0", "9223372036854775807", "-9223372036854775808"}, []string{
			"", "-", "--1", "+1", "-9223372036854775809", "9223372036854775808", "1-",
		}},
		{"int(signed=True,min=-5,max=5)", []string{"-5", "5", "-05", "0"}, []string{"-6", "6"}},
		{"int(signed,fixed_digits=2)", []string{"-01", "01"}, []string{"-1", "1", "-001"}},
		{"int(signed=false)", []string{"1"}, []string{"-1"}},
		{"uint", []string{"0", "18446744073709551615", "000018446744073709551615"}, []string{"", "-1", "18446744073709551616", "18446744073709551620", "28446744073709551615"}},
		{"uint(min=10,max=18446744073709551615)", []string{"10", "18446744073709551615"}, []string{"9"}},
		{"uint(fixed_digits=2)", []string{"00"}, []string{"0", "000"}},
		{"float", []string{"1.0", "0.5", "007.70", strings.Repeat("9", 308) + ".0", strings.Repeat("0", 400) + "1.0"}, []string{
			"", "1", ".5", "1.", ".", "-1.0", "+1.0", "1e3", "1.0e3", "1.0.0", "1..0", "NaN", "Inf", "1,0", strings.Repeat("9", 309) + ".0",
		}},
		{"float(signed)", []string{"-1.0", "1.0", "-0.0"}, []string{"-", "--1.0", "-.5", "-1."}},
		{"float(min=0.5,max=1e1)", []string{"0.5", "0.50", "00.5", "10.0", "9.99999999999999999999999999"}, []string{"0.49", "0.0", "10.1", "10.00000000000000000000000000001", "100.0"}},
		{"float(signed,min=-1.5,max=0)", []string{"-1.5", "-1.49", "-0.0", "0.0", "-0.3"}, []string{"-1.51", "-2.0", "0.1", "-10.0"}},
		{"float(signed,min=0)", []string{"0.0", "-0.0", "0.1"}, []string{"-0.1"}},
		{"float(signed,max=-2.25)", []string{"-2.25", "-3.0", "-2.26"}, []string{"-2.2", "2.25", "0.0"}},
		{"uuid", []string{id, strings.ToLower(id), strings.ToUpper(id)}, []string{
			"", strings.ReplaceAll(id, "-", ""), "{" + id + "}", id + "0", id[:35], "g" + id[1:], strings.Replace(id, "-", "0", 1), id[:7] + "-" + id[8:],
		}},
		{"any(a|b.c|é)", []string{"a", "b.c", "é"}, []string{"", "A", "bxc", "a|b.c", "ab"}},
		{"any( a|b)", []string{" a", "b"}, []string{"a"}},
		{"*", []string{"a", "a/b", "a//b", "a/"}, []string{"", "/", "/a", "//"}},
		{"path", []string{"a/b"}, []string{"", "/a"}},
		{"[0-9]{3}", []string{"123"}, []string{"12", "1234", "x123", "123\n"}},
		{"a|b", []string{"a", "b"}, []string{"ab", "xb", "ax", ""}},
		{"a|ab", []string{"a", "ab"}, []string{"abb"}},
		{"(word)", []string{"word"}, []string{"words", ""}},
		{".*", []string{"x"}, []string{"", "a/b"}},
		{"(?i)ab", []string{"AB"}, []string{"abc"}},
		{`\{\d\}`, []string{"{1}"}, []string{"1"}},
		{"^ab$", []string{"ab"}, []string{"abc"}},
		{"foo(bar)", []string{"foobar"}, []string{"foo(bar)"}},
		{"int(a)|(b)", []string{"inta", "b"}, []string{"1"}},
		{"en|de", []string{"en"}, []string{"end"}},
		{"even", []string{"ab"}, []string{"", "a", "a/bc"}},
		{"even()", []string{"ab"}, []string{"a"}},
		{"all", []string{"x"}, []string{"", "a/b"}},
	}
	for _, tt := range tests {
		pattern := "/x/{v:" + tt.converter + "}"
		if tt.converter == "" {
			pattern = "/x/{v}"
		}
		p, err := radix.Parse(pattern, custom)
		if err != nil {
			t.Errorf("Parse(%q): %v", pattern, err)
			continue
		}
		if got := p.Params[0].Converter; got != tt.converter {
			t.Errorf("%q: Converter = %q", pattern, got)
		}
		tree := new(radix.Tree[int])
		if _, err := tree.Add(p, 1); err != nil {
			t.Fatal(err)
		}
		check := func(value string, want bool) {
			t.Helper()
			if got := p.Params[0].Accepts([]byte(value)); got != want {
				t.Errorf("%s accepts %q: %v", tt.converter, value, got)
			}
			var m radix.Match
			path := []byte("/x/" + value)
			if _, got := tree.Lookup(path, &m); got != want {
				t.Errorf("%s matches %q: %v", pattern, path, got)
			} else if got && string(m.Value(path, 0)) != value {
				t.Errorf("%s matches %q with value %q", pattern, path, m.Value(path, 0))
			}
		}
		for _, v := range tt.accepts {
			check(v, true)
		}
		for _, v := range tt.refuses {
			check(v, false)
		}
	}
}

func TestParamBounds(t *testing.T) {
	param := func(converter string) radix.Param {
		return mustParse(t, "/{v:"+converter+"}").Params[0]
	}
	if p := param("int(min=1)"); p.Kind != radix.KindInt || !p.HasMin || p.MinInt != 1 || p.HasMax || p.MaxInt != math.MaxInt64 {
		t.Errorf("int(min=1): %+v", p)
	}
	if p := param("int(signed)"); !p.Signed || p.HasMin || p.MinInt != math.MinInt64 {
		t.Errorf("int(signed): %+v", p)
	}
	if p := param("uint(max=7,fixed_digits=2)"); p.Kind != radix.KindUint || p.MaxUint != 7 || !p.HasMax || p.FixedDigits != 2 {
		t.Errorf("uint(max=7,fixed_digits=2): %+v", p)
	}
	if p := param("float(max=2.5)"); p.Kind != radix.KindFloat || p.MaxFloat != 2.5 || !math.IsInf(p.MinFloat, -1) || p.HasMin {
		t.Errorf("float(max=2.5): %+v", p)
	}
	if p := param("string(length=3)"); p.MinLength != 3 || p.MaxLength != 3 {
		t.Errorf("string(length=3): %+v", p)
	}
	if p := param("string"); p.MinLength != 1 || p.MaxLength != 0 {
		t.Errorf("string: %+v", p)
	}
	if p := param("any(b|a)"); strings.Join(p.Any, " ") != "b a" {
		t.Errorf("any(b|a): %q", p.Any)
	}
	if p := param("[a-z]+"); p.Regexp == nil || p.Kind != radix.KindRegexp {
		t.Errorf("[a-z]+: %+v", p)
	}
}

func TestKindString(t *testing.T) {
	want := []string{"any", "int", "uint", "uuid", "float", "custom", "regexp", "string", "path", "Kind(9)"}
	for i, s := range want {
		if got := radix.Kind(i).String(); got != s {
			t.Errorf("Kind(%d) = %q, want %q", i, got, s)
		}
	}
}
