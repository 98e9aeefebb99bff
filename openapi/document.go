package openapi

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// specVersion is the version of OpenAPI that documents follow.
const specVersion = "3.1.1"

// The types below are the objects of the OpenAPI Specification 3.1, section 4.8, as far as they are written here. Their fields are in
// the order in which they appear in a document; maps are written by key.

type document struct {
	OpenAPI      string               `json:"openapi"`
	Info         info                 `json:"info"`
	Servers      []server             `json:"servers,omitempty"`
	Security     []requirement        `json:"security,omitempty"`
	Tags         []Tag                `json:"tags,omitempty"`
	ExternalDocs *ExternalDocs        `json:"externalDocs,omitempty"`
	Paths        map[string]*pathItem `json:"paths"`
	Components   components           `json:"components,omitzero"`
}

type info struct {
	Title       string   `json:"title"`
	Summary     string   `json:"summary,omitempty"`
	Description string   `json:"description,omitempty"`
	Terms       string   `json:"termsOfService,omitempty"`
	Contact     *Contact `json:"contact,omitempty"`
	License     *License `json:"license,omitempty"`
	Version     string   `json:"version"`
}

type server struct {
	URL         string                    `json:"url"`
	Description string                    `json:"description,omitempty"`
	Variables   map[string]serverVariable `json:"variables,omitempty"`
}

type serverVariable struct {
	Enum        []string `json:"enum,omitempty"`
	Default     string   `json:"default"`
	Description string   `json:"description,omitempty"`
}

// requirement names the security schemes that are needed together.
type requirement map[string][]string

type components struct {
	Schemas         map[string]*schema        `json:"schemas,omitempty"`
	Responses       map[string]*response      `json:"responses,omitempty"`
	SecuritySchemes map[string]securityScheme `json:"securitySchemes,omitempty"`
}

type securityScheme struct {
	Type         string    `json:"type"`
	Description  string    `json:"description,omitempty"`
	Name         string    `json:"name,omitempty"`
	In           string    `json:"in,omitempty"`
	Scheme       string    `json:"scheme,omitempty"`
	BearerFormat string    `json:"bearerFormat,omitempty"`
	Flows        *struct{} `json:"flows,omitempty"`
}

type pathItem struct {
	Get     *operation `json:"get,omitempty"`
	Put     *operation `json:"put,omitempty"`
	Post    *operation `json:"post,omitempty"`
	Delete  *operation `json:"delete,omitempty"`
	Options *operation `json:"options,omitempty"`
	Head    *operation `json:"head,omitempty"`
	Patch   *operation `json:"patch,omitempty"`
	Trace   *operation `json:"trace,omitempty"`

	Additional   map[string]*operation `json:"x-oai-additionalOperations,omitempty"`
	WebSocket    *operation            `json:"x-websocket,omitempty"`
	Alternatives []alternative         `json:"x-alternatives,omitempty"`
}

// alternative is an operation for which the path has no place.
type alternative struct {
	Method    string     `json:"method"`
	Path      string     `json:"path"`
	Operation *operation `json:"operation"`
}

// slot returns where the operation of a method belongs, nil when OpenAPI 3.1 does not know the method.
func (p *pathItem) slot(method string) **operation {
	switch method {
	case "GET":
		return &p.Get
	case "PUT":
		return &p.Put
	case "POST":
		return &p.Post
	case "DELETE":
		return &p.Delete
	case "OPTIONS":
		return &p.Options
	case "HEAD":
		return &p.Head
	case "PATCH":
		return &p.Patch
	case "TRACE":
		return &p.Trace
	}
	return nil
}

type operation struct {
	Tags        []string             `json:"tags,omitempty"`
	Summary     string               `json:"summary,omitempty"`
	Description string               `json:"description,omitempty"`
	ID          string               `json:"operationId,omitempty"`
	Parameters  []*parameter         `json:"parameters,omitempty"`
	RequestBody *requestBody         `json:"requestBody,omitempty"`
	Responses   map[string]*response `json:"responses"`
	Deprecated  bool                 `json:"deprecated,omitzero"`
	Security    []requirement        `json:"security,omitempty"`
	Servers     []server             `json:"servers,omitempty"`
	WebSocket   bool                 `json:"x-websocket,omitzero"`
}

type parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitzero"`
	Schema      *schema `json:"schema"`
}

type requestBody struct {
	Description string                `json:"description,omitempty"`
	Content     map[string]*mediaType `json:"content"`
	Required    bool                  `json:"required,omitzero"`
}

type mediaType struct {
	Schema     *schema `json:"schema,omitempty"`
	ItemSchema *schema `json:"x-oai-itemSchema,omitempty"`
}

// response is a Response Object, or a reference to one.
type response struct {
	Ref         string                `json:"$ref,omitempty"`
	Description string                `json:"description,omitempty"`
	Headers     map[string]*header    `json:"headers,omitempty"`
	Content     map[string]*mediaType `json:"content,omitempty"`
}

type header struct {
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitzero"`
	Schema      *schema `json:"schema"`
}

// schema is a JSON Schema of the dialect 2020-12. Numbers are JSON text, so that the bounds of an int64 are exact.
type schema struct {
	Ref                  string           `json:"$ref,omitempty"`
	Type                 types            `json:"type,omitempty"`
	Description          string           `json:"description,omitempty"`
	Format               string           `json:"format,omitempty"`
	ContentEncoding      string           `json:"contentEncoding,omitempty"`
	ContentMediaType     string           `json:"contentMediaType,omitempty"`
	ContentSchema        *schema          `json:"contentSchema,omitempty"`
	Enum                 []jsontext.Value `json:"enum,omitempty"`
	Default              jsontext.Value   `json:"default,omitzero"`
	Minimum              jsontext.Value   `json:"minimum,omitzero"`
	ExclusiveMinimum     jsontext.Value   `json:"exclusiveMinimum,omitzero"`
	Maximum              jsontext.Value   `json:"maximum,omitzero"`
	ExclusiveMaximum     jsontext.Value   `json:"exclusiveMaximum,omitzero"`
	MultipleOf           jsontext.Value   `json:"multipleOf,omitzero"`
	MinLength            jsontext.Value   `json:"minLength,omitzero"`
	MaxLength            jsontext.Value   `json:"maxLength,omitzero"`
	Pattern              string           `json:"pattern,omitempty"`
	Items                *schema          `json:"items,omitempty"`
	MinItems             jsontext.Value   `json:"minItems,omitzero"`
	MaxItems             jsontext.Value   `json:"maxItems,omitzero"`
	UniqueItems          bool             `json:"uniqueItems,omitzero"`
	Properties           properties       `json:"properties,omitempty"`
	Required             []string         `json:"required,omitempty"`
	AdditionalProperties *schema          `json:"additionalProperties,omitempty"`
	MinProperties        jsontext.Value   `json:"minProperties,omitzero"`
	MaxProperties        jsontext.Value   `json:"maxProperties,omitzero"`
	AnyOf                []*schema        `json:"anyOf,omitempty"`
	Examples             []jsontext.Value `json:"examples,omitempty"`

	target *component     // of Ref, which is set when components have their names
	raw    jsontext.Value // of a type with a method JSONSchema: all there is
}

// types is one type, or several.
type types []string

// MarshalJSONTo writes one type as a string.
func (t types) MarshalJSONTo(enc *jsontext.Encoder) error {
	if len(t) == 1 {
		return enc.WriteToken(jsontext.String(t[0]))
	}
	return json.MarshalEncode(enc, []string(t))
}

// properties are written in the order of the struct's fields.
type properties []property

type property struct {
	name   string
	schema *schema
}

// MarshalJSONTo writes an object.
func (p properties) MarshalJSONTo(enc *jsontext.Encoder) error {
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, one := range p {
		if err := enc.WriteToken(jsontext.String(one.name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(enc, one.schema); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}

// plainSchema is a schema without its method.
type plainSchema schema

// MarshalJSONTo writes raw in place of the fields, if there is one.
func (s *schema) MarshalJSONTo(enc *jsontext.Encoder) error {
	if s.raw != nil {
		return enc.WriteValue(s.raw)
	}
	return json.MarshalEncode(enc, (*plainSchema)(s))
}

// encode writes the document, indented.
func (d *document) encode() ([]byte, error) {
	b, err := json.Marshal(d, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}
