package rules_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/rules"
)

func TestParse(t *testing.T) {
	tests := []struct {
		tag  string
		want []rules.Rule
	}{
		{"", nil},
		{"required", []rules.Rule{{"required", ""}}},
		{"max=5,min=1", []rules.Rule{{"max", "5"}, {"min", "1"}}},
		{"uniqueItems,items.uniqueItems,items.items.max=3", []rules.Rule{{"uniqueItems", ""}, {"items.uniqueItems", ""}, {"items.items.max", "3"}}},
		{"pattern=^a,b=c$", []rules.Rule{{"pattern", "^a,b=c$"}}},
		{"pattern=,", []rules.Rule{{"pattern", ","}}},
		{"min=1,items.pattern=a{1,2}", []rules.Rule{{"min", "1"}, {"items.pattern", "a{1,2}"}}},
		{`enum=a\|b|c\,d,required`, []rules.Rule{{"enum", `a\|b|c\,d`}, {"required", ""}}},
		{`enum=\\,required`, []rules.Rule{{"enum", `\\`}, {"required", ""}}},
		{"enum=New York|x=y", []rules.Rule{{"enum", "New York|x=y"}}},
		{"enum=|a", []rules.Rule{{"enum", "|a"}}},
		{"min==5", []rules.Rule{{"min", "=5"}}},
		{`min=\`, []rules.Rule{{"min", `\`}}},
		{"format=date-time", []rules.Rule{{"format", "date-time"}}},
	}
	for _, tt := range tests {
		got, err := rules.Parse(tt.tag)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("Parse(%q) = %q, %v, want %q", tt.tag, got, err, tt.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ tag, want string }{
		{"minimum=1", `byte 0: there is no rule "minimum"`},
		{"min=1, max=2", `byte 6: there is no rule " max"`},
		{"Required", `byte 0: there is no rule "Required"`},
		{",", `byte 0: there is no rule ""`},
		{"=1", `byte 0: there is no rule ""`},
		{"required,,min=1", `byte 9: there is no rule ""`},
		{"required,", "byte 8: nothing follows the comma"},
		{"min=1,", "byte 5: nothing follows the comma"},
		{"required=true", "byte 8: required takes no value"},
		{"items.uniqueItems=", "byte 17: items.uniqueItems takes no value"},
		{"min", "byte 3: min lacks its value"},
		{"min=", "byte 3: min lacks its value"},
		{"max=1,min=,required", "byte 9: min lacks its value"},
		{"min,max=1", "byte 3: min lacks its value"},
		{"items.pattern=^a$,items.maxLength=5", "byte 17: items.maxLength stands behind pattern, which takes the rest of the tag: write pattern last"},
		{"pattern=^a$,required", "byte 11: required stands behind pattern, which takes the rest of the tag: write pattern last"},
		{"pattern=", "byte 7: pattern lacks its value"},
		{"pattern", "byte 7: pattern lacks its value"},
		{"enum=", "byte 4: enum lacks its value"},
		{"min=1,max=3,min=2", "byte 12: min stands twice"},
		{"items.min=1,items.min=2", "byte 12: items.min stands twice"},
		{"items", `byte 0: there is no rule "items"`},
		{"items.", `byte 0: there is no rule "items."`},
		{"items.nothing", `byte 0: there is no rule "items.nothing"`},
		{"items.required", "byte 0: an item is always there: items.required says nothing"},
		{`enum=a\b`, `byte 6: in enum a backslash stands before | or , or \ only`},
		{`required,enum=a\`, `byte 15: in enum a backslash stands before | or , or \ only`},
	}
	for _, tt := range tests {
		list, err := rules.Parse(tt.tag)
		if list != nil || err == nil || err.Error() != tt.want {
			t.Errorf("Parse(%q) = %q, %v, want the error %s", tt.tag, list, err, tt.want)
		}
	}
}

func TestEnum(t *testing.T) {
	tests := []struct {
		value string
		want  []string
	}{
		{"a", []string{"a"}},
		{"a|b", []string{"a", "b"}},
		{`a\|b|\,|\\`, []string{"a|b", ",", `\`}},
		{"|a|", []string{"", "a", ""}},
		{`a\`, []string{`a\`}}, // Parse lets none such through
	}
	for _, tt := range tests {
		if got := rules.Enum(tt.value); !slices.Equal(got, tt.want) {
			t.Errorf("Enum(%q) = %q, want %q", tt.value, got, tt.want)
		}
	}
}

// FuzzParse: what was parsed makes up the tag again, every byte of it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "required", "required,min=1,max=5", "pattern=a,b", `enum=a\|b|c\,d,required`, "items.items.pattern=^[a-z]+$", "min=", ",,", `enum=\`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		list, err := rules.Parse(tag)
		if err != nil {
			if list != nil || !strings.HasPrefix(err.Error(), "byte ") {
				t.Fatalf("Parse(%q) = %q, %v", tag, list, err)
			}
			return
		}
		var parts []string
		for _, r := range list {
			part := r.Name
			if r.Value != "" {
				part += "=" + r.Value
			}
			parts = append(parts, part)
		}
		if again := strings.Join(parts, ","); again != tag {
			t.Fatalf("Parse(%q) = %q, which is %q", tag, list, again)
		}
	})
}
