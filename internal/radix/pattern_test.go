package radix_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/radix"
)

func TestParseErrors(t *testing.T) {
	custom := radix.Converters{"list": nil}
	long := ""
	for i := range radix.MaxParams + 1 {
		long += fmt.Sprintf("/{p%d}", i)
	}
	tests := []struct {
		pattern string
		offset  int
		msg     string // a part of it
	}{
		{"", 0, "must begin with '/'"},
		{"films", 0, "must begin with '/'"},
		{"{x}/a", 0, "must begin with '/'"},
		{"/a/{}", 4, "needs a name"},
		{"/a/{?}", 4, "needs a name"},
		{"/a/{:int}", 4, "needs a name"},
		{"/a/{*p}", 4, "{name:*}"},
		{"/a/{p*}", 5, `'*' in the name`},
		{"/a/{a b}", 5, `' ' in the name`},
		{"/a/{a/b}", 5, `'/' in the name`},
		{"/a/{a{b}}", 5, `'{' in the name`},
		{"/a/{\xff}", 4, "in the name"},
		{"/{x}/{x}", 6, `parameter "x" occurs twice`},
		{"/a/{x", 3, "not closed"},
		{"/a/{x:[0-9]{3}", 3, "not closed"},
		{`/a/{x:\}`, 3, "not closed"},
		{`/a/{x\`, 3, "not closed"},
		{"/a}/b", 2, "'}' without '{'"},
		{"/{x}}", 4, "'}' without '{'"},
		{"/{a}{b}", 4, "literal text between"},
		{long, strings.Index(long, "{p16}"), "more than 16"},
		{"/{x:}", 4, "must follow ':'"},
		{"/{x:itn}", 4, `unknown converter "itn", did you mean "int"?`},
		{"/{x:lists}", 4, `did you mean "list"? (known: any, float, int, list, path, string, uint, uuid; the regular expression is written (lists))`},
		{"/{x:zzzzzzz}", 4, `unknown converter "zzzzzzz" (known`},
		{"/{int:id}", 6, `did you mean {id:int}?`},
		{"/{x:Int}", 4, `did you mean "int"?`},
		{"/{x:itn(min=1)}", 4, `unknown converter "itn"`},
		{"/{x?:word}", 5, "unknown converter"},
		{"/{x:word?}", 4, "unknown converter"},
		{"/{x:list(a)}", 9, "takes no arguments"},
		{"/{x:path(a)}", 9, "takes no arguments"},
		{"/{x:uuid(v=4)}", 9, "takes no arguments"},
		{"/{x:int(minimum=1)}", 8, `unknown argument "minimum" (known: min, max, fixed_digits, signed)`},
		{"/{x:int(min=1, foo)}", 15, `unknown argument "foo"`},
		{"/{x:int(min=1,min=2)}", 14, "occurs twice"},
		{"/{x:int(min)}", 8, "min needs a value"},
		{"/{x:int(min=)}", 8, "min needs a value"},
		{"/{x:int(min=x)}", 8, "not an int64"},
		{"/{x:int(min=9223372036854775808)}", 8, "not an int64"},
		{"/{x:int(min=-1)}", 8, "not signed"},
		{"/{x:int(min=2,max=1)}", 14, "min is greater than max"},
		{"/{x:int(fixed_digits=0)}", 8, "1 to 19"},
		{"/{x:int(fixed_digits=20)}", 8, "1 to 19"},
		{"/{x:int(signed=1)}", 8, "true or false"},
		{"/{x:int(,)}", 8, `unknown argument ""`},
		{"/{x:uint(signed)}", 9, `unknown argument "signed"`},
		{"/{x:uint(min=-1)}", 9, "not a uint64"},
		{"/{x:uint(min=2,max=1)}", 15, "min is greater"},
		{"/{x:float(min=x)}", 10, "not a finite number"},
		{"/{x:float(max=Inf)}", 10, "not a finite number"},
		{"/{x:float(max=NaN)}", 10, "not a finite number"},
		{"/{x:float(min=-0.5)}", 10, "not signed"},
		{"/{x:float(min=2,max=1.5)}", 16, "min is greater"},
		{"/{x:string(length=0)}", 11, "1 to"},
		{"/{x:string(length=2,maxlength=3)}", 11, "excludes"},
		{"/{x:string(minlength=3,maxlength=2)}", 23, "less than minlength"},
		{"/{x:any}", 8, "needs alternatives"},
		{"/{x:any()}", 8, "needs alternatives"},
		{"/{x:any(a||b)}", 10, "empty"},
		{"/{x:any(a|a)}", 10, "occurs twice"},
		{"/{x:any(a/b)}", 9, "'/'"},
		{"/{x:any(a,b)}", 9, "separated by '|'"},
		{"/{x:[a-}", 4, "missing closing ]"},
		{"/{x:a)(b}", 4, "unexpected )"},
		{"/{x:?}", 4, "missing argument to repetition operator"},
		{"/{p:*}/{q:path}", 7, `second path parameter: "p"`},
		{"/a{x?}", 2, "whole segment"},
		{"/{x?}a", 1, "whole segment"},
		{"/{x?}-{y}", 1, "whole segment"},
		{"/{a?}/{b}/{c?}", 1, "ambiguous"},
		{"/{a?}/x/{b?}/x/{c?}/x/{d?}/x/{e?}/x/{f?}/x/{g?}", 1, "more than 64"},
	}
	for _, tt := range tests {
		_, err := radix.Parse(tt.pattern, custom)
		var syntax *radix.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("Parse(%q): %v, want a SyntaxError", tt.pattern, err)
			continue
		}
		if syntax.Pattern != tt.pattern || syntax.Offset != tt.offset || !strings.Contains(syntax.Msg, tt.msg) {
			t.Errorf("Parse(%q): %v\nwant offset %d, message with %q", tt.pattern, err, tt.offset, tt.msg)
		}
	}
}

func TestSyntaxErrorText(t *testing.T) {
	_, err := radix.Parse("/x/{a", nil)
	if want := `pattern "/x/{a" at offset 3: '{' is not closed`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestParseHostErrors(t *testing.T) {
	for _, pattern := range []string{"", "/x", "a.org", "{n}.org", "{p:*}/x", "a{p:*}.org/x", "{n?}/x", "a.org{x?}/x", "{x:a/b}"} {
		if p, err := radix.ParseHost(pattern, nil); err == nil {
			t.Errorf("ParseHost(%q) = %v, want an error", pattern, p)
		} else if !errors.As(err, new(*radix.SyntaxError)) {
			t.Errorf("ParseHost(%q): %v, want a SyntaxError", pattern, err)
		}
	}
}

// build makes a path as callers do.
func build(p *radix.Pattern, values map[string]string) string {
	path, slash := "", false
	for _, part := range p.Parts {
		value := ""
		if part.Param >= 0 {
			v, ok := values[p.Params[part.Param].Name]
			if !ok {
				continue
			}
			value = v
		}
		path += part.Literal + value
		slash = slash || strings.Contains(part.Literal, "/")
	}
	if !slash {
		path += "/"
	}
	return path
}

func TestPartsAndMissing(t *testing.T) {
	tests := []struct {
		pattern string
		given   string // name=value, separated by spaces
		want    string // the path, or "!name" for a missing parameter
	}{
		{"/", "", "/"},
		{"/a/b/", "", "/a/b/"},
		{"/a/{x}", "x=1", "/a/1"},
		{"/a/{x}", "", "!x"},
		{"/User:{u}.{v:int}/z", "u=me v=5", "/User:me.5/z"},
		{"/a/{x?}", "", "/a"},
		{"/a/{x?}", "x=1", "/a/1"},
		{"/a/{x?}/", "", "/a/"},
		{"/a/{x?}/b", "", "/a/b"},
		{"/{x?}", "", "/"},
		{"/{x?}", "x=1", "/1"},
		{"/{x?}/", "", "/"},
		{"/{x:int?}/{y?}", "", "/"},
		{"/{x:int?}/{y?}", "x=1", "/1"},
		{"/{x:int?}/{y?}", "x=1 y=2", "/1/2"},
		{"/{x:int?}/{y?}", "y=2", "!x"},
		{"/{x?}/{y?}/{z?}", "x=1 z=2", "!y"},
		{"/{x?}/b/{y?}", "y=2", "/b/2"},
		{"/{x?}/{y}", "x=1", "!y"},
		{"/{x?}/a/{y?}/{z?}", "z=1", "!y"},
		{"/s/{p:*}/edit", "p=a/b", "/s/a/b/edit"},
		{"/s/{p?:*}", "", "/s"},
		{"/s/{p:path?}", "p=a/b", "/s/a/b"},
	}
	for _, tt := range tests {
		p := mustParse(t, tt.pattern)
		values := map[string]string{}
		var given uint32
		for _, assignment := range strings.Fields(tt.given) {
			name, v, _ := strings.Cut(assignment, "=")
			values[name] = v
			given |= 1 << p.Index(name)
		}
		if i := p.Missing(given); i >= 0 {
			if got := "!" + p.Params[i].Name; got != tt.want {
				t.Errorf("%q with %q: %s, want %s", tt.pattern, tt.given, got, tt.want)
			}
			continue
		}
		path := build(p, values)
		if path != tt.want {
			t.Errorf("%q with %q: %s, want %s", tt.pattern, tt.given, path, tt.want)
			continue
		}
		checkRoundTrip(t, p, path, values)
	}
}

// checkRoundTrip looks up a path that was built from values.
func checkRoundTrip(t *testing.T, p *radix.Pattern, path string, values map[string]string) {
	t.Helper()
	tree := new(radix.Tree[int])
	if _, err := tree.Add(p, 7); err != nil {
		t.Fatal(err)
	}
	var m radix.Match
	if v, ok := tree.Lookup([]byte(path), &m); !ok || v != 7 || m.N != len(p.Params) {
		t.Errorf("%q does not match %q", p, path)
		return
	}
	for i := range p.Params {
		name := p.Params[i].Name
		if got := string(m.Value([]byte(path), i)); got != values[name] {
			t.Errorf("%q on %q: %s = %q, want %q", p, path, name, got, values[name])
		}
	}
}

func TestOptionalMark(t *testing.T) {
	tests := []struct{ pattern, converter string }{
		{"/{x?}", ""},
		{"/{x?:int}", "int"},
		{"/{x:int?}", "int"},
		{"/{x?:int?}", "int"},
		{"/{x:int(min=1)?}", "int(min=1)"},
		{"/{x?:[a-z]+}", "[a-z]+"},
		{"/{x:*?}", "*"},
		{"/{x:any(a|b)?}", "any(a|b)"},
	}
	for _, tt := range tests {
		p := mustParse(t, tt.pattern)
		if pa := p.Params[0]; !pa.Optional || pa.Converter != tt.converter || pa.Name != "x" {
			t.Errorf("%q: %+v", tt.pattern, pa)
		}
	}
	if pa := mustParse(t, "/{x:[a-z]+?}").Params[0]; pa.Optional || pa.Converter != "[a-z]+?" {
		t.Errorf("a regular expression's own '?': %+v", pa)
	}
}

func TestPatternAccessors(t *testing.T) {
	p := mustParse(t, "/a/{x}-{y:int}/b/{z?}")
	if p.String() != "/a/{x}-{y:int}/b/{z?}" || p.Static() || p.Index("y") != 1 || p.Index("q") != -1 {
		t.Errorf("%v: static %v, y %d, q %d", p, p.Static(), p.Index("y"), p.Index("q"))
	}
	want := []radix.Part{{"/a/", 0}, {"-", 1}, {"/b", -1}, {"/", 2}}
	if !slices.Equal(p.Parts, want) {
		t.Errorf("Parts = %v, want %v", p.Parts, want)
	}
	if !mustParse(t, "/a").Static() {
		t.Error("/a is not static")
	}
	for _, name := range []string{"any", "float", "int", "path", "string", "uint", "uuid"} {
		if !radix.BuiltIn(name) {
			t.Errorf("BuiltIn(%q) = false", name)
		}
	}
	if radix.BuiltIn("list") || radix.BuiltIn("") {
		t.Error("BuiltIn knows too much")
	}
}
