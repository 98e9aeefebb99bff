package openapi

import (
	"reflect"
	"slices"

	"github.com/goquart/quart"
)

// problem is the schema of RFC 9457 problems as quart writes them.
type problem struct {
	_      struct{}       `doc:"What went wrong (RFC 9457)."`
	Type   string         `json:"type,omitempty" rules:"format=uri-reference" default:"about:blank" doc:"The kind of problem."`
	Title  string         `json:"title" doc:"The kind of problem, for people." example:"Unprocessable Entity"`
	Status int            `json:"status" rules:"min=400,max=599"`
	Detail string         `json:"detail,omitempty" doc:"What went wrong this time, for people."`
	Errors []problemField `json:"errors,omitempty" doc:"What is wrong with each value of the input."`
}

type problemField struct {
	Location string `json:"location" rules:"enum=path|query|header|cookie|form|body" doc:"Where in the request the value is."`
	Pointer  string `json:"pointer" doc:"JSON pointer (RFC 6901) into the body, or the name of a parameter."`
	Detail   string `json:"detail" doc:"What is wrong with the value, for people."`
}

var problemType = reflect.TypeFor[problem]()

// problemNames are the names of responses that are problems.
var problemNames = map[int]string{
	400: "BadRequest", 401: "Unauthorized", 404: "NotFound", 406: "NotAcceptable", 413: "ContentTooLarge", 415: "UnsupportedMediaType",
	422: "UnprocessableContent", 426: "UpgradeRequired", 500: "InternalServerError",
}

var problemTexts = map[int]string{
	400: "The body is empty, no JSON, or no form.",
	401: "Credentials are missing or wrong.",
	404: "There is no such resource.",
	406: "The client takes no such answer.",
	413: "The body is too large.",
	415: "The body is of another type.",
	422: "The input does not meet its constraints.",
	426: "The request is no websocket handshake.",
	500: "An error of the server.",
}

// problem refers to the response of a status.
func (b *builder) problem(code int) *response {
	b.problems[code] = true
	return &response{Ref: "#/components/responses/" + problemNames[code]}
}

// addProblems describes the responses that operations refer to.
func (b *builder) addProblems() {
	for code := range b.problems {
		if b.doc.Components.Responses == nil {
			b.doc.Components.Responses = map[string]*response{}
		}
		b.doc.Components.Responses[problemNames[code]] = &response{
			Description: problemTexts[code],
			Content:     map[string]*mediaType{mediaProblem: {Schema: b.reflector.schemaOf(problemType, output)}},
		}
	}
}

// problemsOf returns the statuses of the problems that the route's plan can give. A plain handler has none.
func (b *builder) problemsOf(info *quart.RouteInfo, t template) []int {
	var codes []int
	if len(info.Security) > 0 || len(b.cfg.Security) > 0 {
		codes = append(codes, 401)
	}
	if info.SSE {
		codes = append(codes, 406)
	}
	if info.WebSocket || info.Status == 0 { // 0: a plain handler
		return codes
	}
	codes = append(codes, 500)
	from := func(sources ...string) bool {
		return slices.ContainsFunc(info.Fields, func(f quart.Field) bool { return slices.Contains(sources, f.Source) })
	}
	if misses(info, t) {
		codes = append(codes, 404)
	}
	if from("body", "form", "file") {
		codes = append(codes, 413)
	}
	if info.Request != "" {
		codes = append(codes, 400, 415)
	} else if slices.ContainsFunc(info.Fields, func(f quart.Field) bool { return f.Source == "body" && requiredBy(f.Rules) }) {
		codes = append(codes, 400)
	}
	if checked(info) {
		codes = append(codes, 422)
	}
	return codes
}

// misses reports whether there can be nothing at a path that the route matches: a value of it is none of its converter or of its field.
func misses(info *quart.RouteInfo, t template) bool {
	_, ofHost := partsOf(info.Host, 0) // these come first
	for i := range info.Params {
		p := &info.Params[i]
		if (i < ofHost || slices.Contains(t.params, i)) && (p.Type != stringType || len(p.Index) > 0) {
			return true
		}
	}
	return false
}

type validator interface{ Validate() error }

var validatorType = reflect.TypeFor[validator]()

// checked reports whether an input can be well-formed and wrong. A text has to be UTF-8, at least.
func checked(info *quart.RouteInfo) bool {
	if info.In != nil && hasMethods(info.In, validatorType) {
		return true
	}
	return slices.ContainsFunc(info.Fields, func(f quart.Field) bool {
		switch f.Source {
		case "path":
			return false // is a 404
		case "body":
			return isJSON(info.Request) || limited(f.Rules)
		case "file":
			return f.Rules != ""
		}
		return true
	})
}

// limited reports whether a rules tag has more than required, which for a body as it is is a matter of 400.
func limited(tag string) bool {
	list, err := quart.ParseRules(tag)
	return err == nil && slices.ContainsFunc(list, func(rule quart.Rule) bool { return rule.Name != "required" })
}
