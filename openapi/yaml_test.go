package openapi_test

import (
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/goquart/quart/openapi"
	"go.yaml.in/yaml/v4"
)

func TestYAML(t *testing.T) {
	for _, tt := range []struct{ name, doc, want string }{
		{"scalar", `"a"`, "a\n"},
		{"object", `{"a":1,"b":"x y"}`, "a: 1\nb: x y\n"},
		{"empty", `{"a":{},"b":[]}`, "a: {}\nb: []\n"},
		{"list", `{"a":[1,"b",[2,3],{"c":4,"d":[]}]}`, "a:\n  - 1\n  - b\n  - - 2\n    - 3\n  - c: 4\n    d: []\n"},
		{"status", `{"200":null}`, "\"200\": null\n"},
		{"path", `{"/films/{id}":true}`, "/films/{id}: true\n"},
		{"reference", `{"$ref":"#/components/x"}`, "$ref: \"#/components/x\"\n"},
		{"words", `["no","Y","null","on","True","nope"]`, "- \"no\"\n- \"Y\"\n- \"null\"\n- \"on\"\n- \"True\"\n- nope\n"},
		{"lines", `"a\nb\tc"`, "\"a\\nb\\u0009c\"\n"},
		{"colon", `["a: b","a #b","a:","a "]`, "- \"a: b\"\n- \"a #b\"\n- \"a:\"\n- \"a \"\n"},
		{"number", `["1.5",1.5,"1e3","0x1","-"]`, "- \"1.5\"\n- 1.5\n- \"1e3\"\n- \"0x1\"\n- \"-\"\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(openapi.ToYAML([]byte(tt.doc))); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestYAMLIsTheDocument(t *testing.T) {
	app := newZoo()
	sameAsJSON(t, openapi.Document(app, zooConfig), openapi.YAML(app, zooConfig))
}

// FuzzYAML has another implementation read the YAML back.
func FuzzYAML(f *testing.F) {
	for _, seed := range []string{
		`{"a":[{"b":[[],{},[1]]}]}`, `"\u0085\u2028\ufeff\u007f"`, `{"":"","~":"~"," a":"- b"}`, `["=", "<<", "!x", "&a", "*a", "a,b", "{a}", "[a]"]`,
		`["2001-01-01","12:30:00","1_000","0b1",".5","+1"]`, `"a\r\nb"`, `[[[[1]]],{"a":{"b":{"c":[]}}}]`, `["'a'","\"a\"","a\\b","a'b"]`, `"x?y"`, `["a;b","a!b"]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		var v any
		if json.Unmarshal([]byte(doc), &v) != nil {
			t.Skip()
		}
		clean, err := json.Marshal(v)
		if err != nil {
			t.Skip()
		}
		sameAsJSON(t, clean, openapi.ToYAML(clean))
	})
}

func sameAsJSON(t *testing.T, doc, text []byte) {
	t.Helper()
	var want, read any
	if err := json.Unmarshal(doc, &want); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &read); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	again, err := json.Marshal(read) // with numbers as JSON has them
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(again, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read back as %s, want %s, of\n%s", again, doc, text)
	}
}
