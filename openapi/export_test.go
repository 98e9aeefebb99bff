package openapi

import (
	"reflect"

	"github.com/goquart/quart"
)

// ECMAPattern, ToYAML, TypeName and TypesDocument are for the tests.
func ECMAPattern(re string) (string, bool) { return ecmaPattern(re) }

func ToYAML(doc []byte) []byte { return toYAML(doc) }

func TypeName(t reflect.Type, qualified bool) string { return typeName(t, qualified) }

// TypesDocument is the document of an operation for each type: with a body of the type, and an answer of it.
func TypesDocument(types ...reflect.Type) ([]byte, error) {
	b := &builder{reflector: newReflector(), shapes: map[string]string{}, problems: map[int]bool{}, schemes: map[quart.SecurityScheme]string{}}
	b.doc = &document{OpenAPI: specVersion, Info: infoOf(Config{}.defaults()), Paths: map[string]*pathItem{}}
	for i, t := range types {
		b.doc.Paths["/"+string(rune('a'+i))] = &pathItem{Post: &operation{
			RequestBody: &requestBody{Content: map[string]*mediaType{mediaJSON: {Schema: b.reflector.schemaOf(t, input)}}},
			Responses: map[string]*response{"200": {
				Description: "OK", Content: map[string]*mediaType{mediaJSON: {Schema: b.reflector.schemaOf(t, output)}},
			}},
		}}
	}
	if err := b.addComponents(); err != nil {
		return nil, err
	}
	return b.doc.encode()
}
