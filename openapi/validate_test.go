package openapi_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// mustBeValid has a document judged by the official schema of OpenAPI 3.1 (https://spec.openapis.org/oas/3.1/schema/2022-10-07), each
// schema in it by the one of JSON Schema 2020-12, and the whole by an independent implementation.
func mustBeValid(t *testing.T, doc []byte) {
	t.Helper()
	for _, err := range validate(doc) {
		t.Errorf("%v", err)
	}
}

func validate(doc []byte) (errs []error) {
	add := func(by string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", by, err))
		}
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return []error{err}
	}
	add("official schema", officialSchema().Validate(value))
	add("JSON Schema", validateSchemas(value))
	add("kin-openapi", validateKin(doc))
	return errs
}

// officialSchema is the schema of OpenAPI 3.1.
var officialSchema = sync.OnceValue(func() *jsonschema.Schema {
	text, err := os.ReadFile("testdata/openapi-3.1-schema.json")
	if err != nil {
		panic(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		panic(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const id = "https://spec.openapis.org/oas/3.1/schema/2022-10-07"
	if err := c.AddResource(id, value); err != nil {
		panic(err)
	}
	return c.MustCompile(id)
})

// compileSchemas returns a compiler that knows the document as doc.json.
func compileSchemas(value any) (*jsonschema.Compiler, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.AssertContent()
	return c, c.AddResource("doc.json", value)
}

// validateSchemas compiles every schema of the document, and checks its examples and defaults by it.
func validateSchemas(value any) error {
	c, err := compileSchemas(value)
	if err != nil {
		return err
	}
	return eachSchema(value, "doc.json#", func(pointer string, s map[string]any) error {
		compiled, err := c.Compile(pointer)
		if err != nil {
			return fmt.Errorf("%s: %w", pointer, err)
		}
		samples, _ := s["examples"].([]any)
		if def, ok := s["default"]; ok {
			samples = append(samples, def)
		}
		for _, sample := range samples {
			if err := compiled.Validate(sample); err != nil {
				return fmt.Errorf("%s: sample %v: %w", pointer, sample, err)
			}
		}
		return nil
	})
}

// eachSchema calls f for the schemas below a value: what is called schema, or so in a table of schemas.
func eachSchema(value any, pointer string, f func(pointer string, s map[string]any) error) error {
	switch v := value.(type) {
	case []any:
		for i, one := range v {
			if err := eachSchema(one, fmt.Sprintf("%s/%d", pointer, i), f); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, one := range v {
			at := pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1", "%", "%25", "{", "%7B", "}", "%7D", " ", "%20", `"`, "%22", "^", "%5E").Replace(key)
			s, isObject := one.(map[string]any)
			parent := pointer[strings.LastIndexByte(pointer, '/')+1:]
			if isObject && (key == "schema" || key == "x-oai-itemSchema" || key == "items" || parent == "schemas" || parent == "properties") {
				if err := f(at, s); err != nil {
					return err
				}
			}
			if err := eachSchema(one, at, f); err != nil {
				return err
			}
		}
	}
	return nil
}

func validateKin(doc []byte) error {
	loaded, err := openapi3.NewLoader().LoadFromData(doc)
	if err != nil {
		return err
	}
	return loaded.Validate(openapi3.NewLoader().Context, openapi3.IsOpenAPI31OrLater(), openapi3.EnableExamplesValidation())
}
