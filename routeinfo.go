package quart

import (
	"cmp"
	"reflect"
	"slices"
	"sync"

	"github.com/goquart/quart/internal/bytesconv"
	"github.com/goquart/quart/internal/radix"
	"github.com/goquart/quart/internal/rules"
)

// RouteInfo describes a route, for documents and listings.
type RouteInfo struct {
	Method, Pattern, Name string
	Host                  string           // the pattern of its host group, "" for any host
	Source                string           // file:line of the registration
	Params                []Field          // path parameters with their converters; known once the app is frozen
	In, Out               reflect.Type     // nil for a plain handler, and for None
	Fields                []Field          // the decode plan, the same that requests run through
	Request               string           // media type of the body: application/json, multipart/form-data...; "" for none or any
	Status                int              // of a typed result, else 0
	Answers               []Answer         // the typed result's, then those of Returns
	Security              []SecurityScheme // of the layers around the handler, see Secured
	Tags                  []string         // names of the groups around the route, the outermost first
	Doc                   Doc
	WebSocket, SSE        bool
}

// Field is one value of a request, or a header of an answer. Index leads to it in RouteInfo.In, where its tags are; it is empty for a body that
// is the input as a whole, and for a parameter without a field.
type Field struct {
	Name, Source   string // Source: path, query, header, cookie, form, file or body, which has no name
	Type           reflect.Type
	Converter      string // of a path parameter, as written in the pattern
	Required       bool
	Rules, Default string // the tags of these names
	Doc, Example   string
	Index          []int
}

// Rule is one rule of a rules tag: minLength and 2. A rule of a list's elements has the prefix "items.".
type Rule struct{ Name, Value string }

// Options splits the value of an enum, without its escapes.
func (r Rule) Options() []string { return rules.Enum(r.Value) }

// ParseRules splits a rules tag, in its order, for what documents a type. The vocabulary is at Handle.
func ParseRules(tag string) ([]Rule, error) {
	parsed, err := rules.Parse(tag)
	if err != nil {
		return nil, err
	}
	list := make([]Rule, len(parsed))
	for i, r := range parsed {
		list[i] = Rule(r)
	}
	return list, nil
}

// SecurityScheme says what a request needs to be let in, in the words of OpenAPI 3.1 (Security Scheme Object).
type SecurityScheme struct {
	Name         string // of the scheme in the document: "basic"
	Type         string // http, apiKey, mutualTLS, oauth2 or openIdConnect
	Scheme       string // of http: basic, bearer
	In, Param    string // of apiKey: query, header or cookie, and the name there
	BearerFormat string // of bearer: JWT
	Description  string
}

// Secured returns mw with the note that it lets only such requests pass: what documents the routes says so. Each scheme of a route's
// layers is needed. It costs requests nothing.
//
//	api.Use(quart.Secured(quart.SecurityScheme{Name: "session", Type: "apiKey", In: "cookie", Param: "session"}, signedIn))
func Secured(s SecurityScheme, mw Middleware) Middleware {
	noted := func(next Handler) Handler { return mw(next) } // a function of its own, also when mw is noted twice
	securing.Store(bytesconv.FuncPointer(noted), s)         // also keeps noted, whose place nobody else gets then
	return noted
}

// securing holds what Secured noted, by the function it returned. A Middleware is a function, and has no other place for it.
var securing sync.Map

// security returns what the layers of r need, each once.
func (r *Route) security() []SecurityScheme {
	var list []SecurityScheme
	for _, layer := range r.layers {
		if s, ok := securing.Load(bytesconv.FuncPointer(layer)); ok && !slices.Contains(list, s.(SecurityScheme)) {
			list = append(list, s.(SecurityScheme))
		}
	}
	return list
}

// Info describes r. Its slices are the caller's.
func (r *Route) Info() RouteInfo {
	info := RouteInfo{
		Method: r.method, Pattern: r.pattern, Name: r.name, Source: r.source, Doc: r.doc, SSE: r.sse || isEvents(r.typed.out.typ),
		WebSocket: r.method == MethodWebSocket, Status: r.typed.status, Security: r.security(),
	}
	for s := r.scope; s != nil; s = s.parent {
		if s.own != "" {
			info.Tags = append(info.Tags, s.own)
		}
	}
	slices.Reverse(info.Tags)
	r.describeTyped(&info)
	info.Answers = append(info.Answers, r.typed.returns...)
	if r.parsed != nil {
		info.Host = r.host()
		for i := range r.parsed.Params {
			info.Params = append(info.Params, describeParam(&r.parsed.Params[i], info.Fields))
		}
	}
	return info
}

func (r *Route) describeTyped(info *RouteInfo) {
	p := r.typed.plan
	if p == nil {
		return
	}
	info.Out = r.typed.out.typ
	info.Fields = p.describe()
	info.Request = p.mediaType()
	if !p.empty() {
		info.In = p.typ
	}
	info.Answers = slices.Clone(r.typed.own)
	for i := range info.Answers {
		a := &info.Answers[i]
		a.Status = cmp.Or(a.Status, r.typed.status)
	}
	if len(info.Answers) == 0 {
		info.Answers = []Answer{r.typed.out.answer(r.typed.status)}
	}
}

func (p *plan) describe() []Field {
	var fields []Field
	for i := range p.fields {
		f := &p.fields[i]
		d := Field{Name: f.name, Source: f.from.String(), Type: f.typ, Index: slices.Clone(f.index)}
		d.addTags(p.typ.FieldByIndex(f.index).Tag)
		d.Required = f.from == fromPath || f.check != nil && f.check.Required
		fields = append(fields, d)
	}
	if p.hasBody {
		d := Field{Source: fromBody.String(), Type: p.typ, Index: slices.Clone(p.body), Required: p.content.required()}
		if len(p.body) > 0 {
			sf := p.typ.FieldByIndex(p.body)
			d.Type = sf.Type
			d.addTags(sf.Tag)
		}
		fields = append(fields, d)
	}
	return fields
}

// required reports whether a request without the body is refused.
func (ct *content) required() bool {
	if ct.kind == contentJSON {
		return !ct.optional
	}
	return ct.check != nil && ct.check.Required
}

// isEvents reports whether a result is an Events.
func isEvents(t reflect.Type) bool {
	return slices.ContainsFunc(answersOf(t), func(a Answer) bool { return a.ContentType == contentTypeEvents })
}

func (f *Field) addTags(tag reflect.StructTag) {
	f.Rules, f.Default, f.Doc, f.Example = tag.Get("rules"), tag.Get("default"), tag.Get("doc"), tag.Get("example")
}

// describeParam prefers the type of the input's field to what the converter suggests.
func describeParam(p *radix.Param, fields []Field) Field {
	f := Field{Name: p.Name, Source: fromPath.String(), Type: reflect.TypeFor[string]()}
	switch p.Kind {
	case radix.KindInt:
		f.Type = reflect.TypeFor[int64]()
	case radix.KindUint:
		f.Type = reflect.TypeFor[uint64]()
	case radix.KindFloat:
		f.Type = reflect.TypeFor[float64]()
	}
	for i := range fields {
		if fields[i].Source == f.Source && fields[i].Name == p.Name {
			f = fields[i]
			f.Index = slices.Clone(f.Index)
		}
	}
	f.Converter, f.Required = p.Converter, !p.Optional
	return f
}
