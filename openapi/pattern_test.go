package openapi_test

import (
	"regexp"
	"testing"

	"github.com/goquart/quart/openapi"
)

func TestECMAPattern(t *testing.T) {
	for _, tt := range []struct{ re, want string }{
		{`^[a-z]+$`, `^[a-z]+$`}, // kept as it is
		{`^(?:a|b){2,3}\d+\.$`, `^(?:a|b){2,3}\d+\.$`},
		{`[0-9]{4}-[0-9]{2}`, `[0-9]{4}-[0-9]{2}`},
		{`[^a\-b]`, `[^a\-b]`},
		{``, ``},
		{`(?i)^ab1$`, `^[Aa][Bb]1$`},
		{`(?i)k`, "[Kk\u212a]"}, // and the Kelvin sign, as RE2 folds
		{`\Aab\z`, `^ab$`},
		{`(?P<year>\d{4})`, `([0-9]{4})`},
		{`[[:alpha:]]+`, `[A-Za-z]+`},
		{`\s`, "[\\u0009\\u000A\\u000C\\u000D ]"},
		{`(?s).`, `[\s\S]`},
		{`a{b`, `a\{b`},
		{`\x41`, `A`},
		{`\Qa.b\E`, `a\.b`},
		{`(?:foo|far|faz)x`, `(?:foo|far|faz)x`},
		{`(?U)a+`, `a+?`},
		{`[]a]`, `[\]a]`},
		{`ä|ö`, `[äö]`},
		{`[^\x00-\x{10FFFF}]`, `[^\s\S]`}, // nothing
		// What RE2 takes, and the flag u does not.
		{`^[\w-.]+$`, `^[\-.0-9A-Z_a-z]+$`},
		{`[\d-x]`, `[\-0-9x]`},
		{`[\w-]`, `[\w-]`},
		{`[-\w]`, `[-\w]`},
		{`a{2}}`, `a{2}\}`},
		{`\{2}`, `\{2\}`},
		{`[{]2}`, `\{2\}`},
		{`^*a`, `(?:^)*a`},
		{`a$?`, `a(?:$)?`},
		{`^.+$`, `^[^\n]+$`}, // a dot of ECMA-262 is no \r either
		{`[.]`, `[.]`},
	} {
		got, ok := openapi.ECMAPattern(tt.re)
		if !ok || got != tt.want {
			t.Errorf("%q: %q, %v, want %q", tt.re, got, ok, tt.want)
		}
	}
	for _, re := range []string{`\pL+`, `(?m)^a$`, `[😀]`, `(`} {
		if got, ok := openapi.ECMAPattern(re); ok {
			t.Errorf("%q: %q, want none", re, got)
		}
	}
}

// anyEscape takes one after another, so that the u of \\u0041 is none.
var anyEscape = regexp.MustCompile(`(?s)\\(?:u[0-9A-F]{4}|.)`)

// asRE2 writes \u0041 as \x{0041}.
func asRE2(pattern string) string {
	return anyEscape.ReplaceAllStringFunc(pattern, func(escape string) string {
		if len(escape) == len(`\u0041`) {
			return `\x{` + escape[len(`\u`):] + "}"
		}
		return escape
	})
}

// FuzzECMAPattern reads the pattern as RE2 again, which knows all of it but the escapes \u: it matches the same.
func FuzzECMAPattern(f *testing.F) {
	for _, seed := range [][2]string{
		{`^[a-z]+$`, "abc"},
		{`(?i)straße|K`, "STRASSE"},
		{`[^\x00-a]{2,}?b*`, "zzb"},
		{`(a|b?)+\b\B`, "ab ba"},
		{`[[:^space:]\d]`, " 1"},
		{`a{b|}]`, "a{b"},
		{`\n\t.`, "\n\tx"},
		{`(?s)^.$|(?U)x*`, "\n"},
		{`[\]\-^[]`, "^"},
		{``, ""},
		{`(|a)*`, "aa"},
		{`\\u0041`, `\u0041`},
		{`[\\u0041]`, "u"},
		{`[^\s\S]`, "a"},
		{`[\s\S]S`, "\nS"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, re, text string) {
		want, err := regexp.Compile(re)
		pattern, ok := openapi.ECMAPattern(re)
		if err != nil && ok {
			t.Fatalf("%q: %q of what is no expression", re, pattern)
		}
		if !ok {
			return
		}
		got, err := regexp.Compile(asRE2(pattern))
		if err != nil {
			t.Fatalf("%q: %q: %v", re, pattern, err)
		}
		if got.MatchString(text) != want.MatchString(text) {
			t.Fatalf("%q and %q differ for %q", re, pattern, text)
		}
	})
}
