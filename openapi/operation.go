package openapi

import (
	"reflect"
	"slices"
	"strings"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

const (
	mediaJSON      = "application/json"
	mediaProblem   = "application/problem+json"
	mediaForm      = "application/x-www-form-urlencoded"
	mediaMultipart = "multipart/form-data"
	mediaEvents    = "text/event-stream"
	mediaNDJSON    = "application/x-ndjson"
	mediaBytes     = "application/octet-stream"

	formatFile = "binary"
)

// parameters describes what an operation reads besides its body.
func (b *builder) parameters(info *quart.RouteInfo, t template, names []string) []*parameter {
	var list []*parameter
	for i, index := range t.params {
		p := b.parameter(&info.Params[index])
		p.Name, p.Required = names[i], true
		list = append(list, p)
	}
	for i := range info.Fields {
		f := &info.Fields[i]
		switch f.Source {
		case "query", "cookie":
			list = append(list, b.parameter(f))
		case "header":
			if !isReserved(f.Name) {
				list = append(list, b.parameter(f))
			}
		}
	}
	return list
}

// isReserved reports whether OpenAPI has another place for a header: as a parameter it is to be ignored.
func isReserved(name string) bool {
	return strings.EqualFold(name, "Accept") || strings.EqualFold(name, "Content-Type") || strings.EqualFold(name, "Authorization")
}

func (b *builder) parameter(f *quart.Field) *parameter {
	p := &parameter{Name: f.Name, In: f.Source, Required: f.Required && f.Default == ""}
	p.Schema = b.fieldSchema(f)
	p.Description, p.Schema.Description = p.Schema.Description, ""
	return p
}

// fieldSchema describes a value that is made from text.
func (b *builder) fieldSchema(f *quart.Field) *schema {
	s := b.reflector.textSchema(f.Type)
	if f.Source == "path" {
		s.narrow(f.Converter)
	}
	b.addTags(s, f, input)
	return s
}

// addTags adds what the tags of a field say to the schema of its text.
func (b *builder) addTags(s *schema, f *quart.Field, m mode) {
	t := f.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if err := b.reflector.constrain(s, t, m, f.Rules); err != nil {
		b.reflector.fail("%s %q: %w", f.Source, f.Name, err)
	}
	if f.Example != "" {
		s.Examples = nil // of the type
	}
	annotate(s, t, f.Doc, f.Default, f.Example)
}

// requestBody describes the body that an operation reads, nil for none.
func (b *builder) requestBody(info *quart.RouteInfo) *requestBody {
	i := slices.IndexFunc(info.Fields, func(f quart.Field) bool { return f.Source == "body" })
	if i < 0 {
		return b.formBody(info)
	}
	f := &info.Fields[i]
	media := info.Request
	if media == "" {
		media = "*/*"
	}
	optional := f.Type.Kind() == reflect.Pointer && len(f.Index) > 0 && !requiredBy(f.Rules)
	return &requestBody{Description: f.Doc, Required: f.Required && !optional, Content: map[string]*mediaType{media: b.bodyMedia(f, media)}}
}

// bodyMedia describes a body that is not a form.
func (b *builder) bodyMedia(f *quart.Field, media string) *mediaType {
	switch {
	case isJSON(media):
		t := f.Type
		for t.Kind() == reflect.Pointer && t.Name() == "" {
			t = t.Elem() // null is refused
		}
		s := b.reflector.schemaOf(t, input)
		if err := b.reflector.constrain(s, t, input, f.Rules); err != nil {
			b.reflector.fail("body: %w", err)
		}
		annotate(s, t, "", f.Default, f.Example)
		return &mediaType{Schema: s}
	case strings.HasPrefix(media, "text/"), f.Type.Kind() == reflect.String:
		return &mediaType{Schema: &schema{Type: types{"string"}}}
	}
	return &mediaType{} // bytes, which no schema describes
}

func isJSON(media string) bool {
	media, _, _ = strings.Cut(media, ";")
	return media == mediaJSON || strings.HasSuffix(media, "+json")
}

// formBody describes the fields of a form, nil if there are none.
func (b *builder) formBody(info *quart.RouteInfo) *requestBody {
	s := &schema{Type: types{"object"}}
	files := false
	for i := range info.Fields {
		f := &info.Fields[i]
		var one *schema
		switch f.Source {
		case "form":
			one = b.fieldSchema(f)
		case "file":
			one, files = b.fileSchema(f), true
		default:
			continue
		}
		s.Properties = append(s.Properties, property{f.Name, one})
		if f.Required && f.Default == "" {
			s.Required = append(s.Required, f.Name)
		}
	}
	if len(s.Properties) == 0 {
		return nil
	}
	media := info.Request
	switch {
	case media != "":
	case files:
		media = mediaMultipart
	default:
		media = mediaForm
	}
	content := map[string]*mediaType{media: {Schema: s}}
	if media == mediaForm { // is taken in either form
		content[mediaMultipart] = &mediaType{Schema: s}
	}
	return &requestBody{Required: len(s.Required) > 0, Content: content}
}

// fileSchema describes an upload. The format is for tools that came from OpenAPI 3.0.
func (b *builder) fileSchema(f *quart.Field) *schema {
	one := func() *schema {
		return &schema{Type: types{"string"}, Format: formatFile, ContentMediaType: mediaBytes}
	}
	s := one()
	if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() != reflect.Uint8 {
		s = &schema{Type: types{"array"}, Items: one()}
	}
	if err := b.reflector.constrain(s, f.Type, input, f.Rules); err != nil {
		b.reflector.fail("file %q: %w", f.Name, err)
	}
	annotate(s, f.Type, f.Doc, "", "")
	return s
}

// responses describes the answers of an operation: its own, then the problems that its plan can give.
func (b *builder) responses(info *quart.RouteInfo, t template) map[string]*response {
	list := map[string]*response{}
	for i := range info.Answers {
		b.addAnswer(list, &info.Answers[i])
	}
	switch {
	case info.WebSocket:
		list["101"] = &response{Description: "The connection is a websocket from now on."}
		list["426"] = b.problem(426)
	case len(list) == 0 && info.SSE:
		list["200"] = &response{Description: "A stream of events.", Content: map[string]*mediaType{mediaEvents: b.events(nil)}}
	case len(list) == 0:
		list["default"] = &response{Description: "The answer is not described."}
	}
	for _, code := range b.problemsOf(info, t) {
		if key := status(code); list[key] == nil {
			list[key] = b.problem(code)
		}
	}
	return list
}

// addAnswer adds an answer to those of its status.
func (b *builder) addAnswer(list map[string]*response, a *quart.Answer) {
	key := status(a.Status)
	r := list[key]
	if r == nil && isProblem(a) && problemNames[a.Status] != "" {
		list[key] = b.problem(a.Status)
		return
	}
	if r == nil {
		r = &response{Description: describeStatus(a.Status)}
		list[key] = r
	}
	b.addHeaders(r, a.Headers)
	media, m := b.answerMedia(a)
	if m == nil {
		return
	}
	if r.Content == nil {
		r.Content = map[string]*mediaType{}
	}
	if before := r.Content[media]; before != nil && before.Schema != nil && m.Schema != nil {
		m = &mediaType{Schema: anyOf(before.Schema, m.Schema)}
	}
	r.Content[media] = m
}

// isProblem reports whether an answer is what errors are rendered as.
func isProblem(a *quart.Answer) bool { return a.ContentType == mediaProblem && a.Body == nil }

func anyOf(a, b *schema) *schema {
	if len(a.AnyOf) > 0 && a.target == nil {
		a.AnyOf = append(a.AnyOf, b)
		return a
	}
	return &schema{AnyOf: []*schema{a, b}}
}

func describeStatus(code int) string {
	if code == 0 {
		return "Any other answer."
	}
	return fasthttp.StatusMessage(code)
}

// addHeaders describes the headers of an answer. Cookies are in one.
func (b *builder) addHeaders(r *response, fields []quart.Field) {
	for i := range fields {
		f := &fields[i]
		if r.Headers == nil {
			r.Headers = map[string]*header{}
		}
		if f.Source == "cookie" {
			h := r.Headers["Set-Cookie"]
			if h == nil {
				h = &header{Schema: &schema{Type: types{"string"}}}
				r.Headers["Set-Cookie"] = h
			}
			if h.Description != "" {
				h.Description += " "
			}
			h.Description += strings.TrimSpace("Sets the cookie " + f.Name + ". " + f.Doc)
			continue
		}
		if strings.EqualFold(f.Name, "Content-Type") {
			continue // is to be ignored
		}
		s := b.reflector.headerSchema(f.Type)
		b.addTags(s, f, output)
		h := &header{Description: s.Description, Required: f.Required, Schema: s}
		s.Description = ""
		r.Headers[f.Name] = h
	}
}

var eventType = reflect.TypeFor[quart.Event]()

// answerMedia describes the body of an answer.
func (b *builder) answerMedia(a *quart.Answer) (media string, m *mediaType) {
	media = a.ContentType
	switch {
	case media == "" && a.Body == nil:
		return "", nil
	case media == "":
		media = mediaJSON
	}
	media, _, _ = strings.Cut(media, ";")
	switch {
	case isProblem(a):
		return media, &mediaType{Schema: b.reflector.schemaOf(problemType, output)}
	case media == mediaEvents:
		return media, b.events(a.Body)
	case media == mediaNDJSON:
		m = &mediaType{Schema: &schema{Type: types{"string"}}}
		if a.Body != nil {
			m.ItemSchema = b.reflector.schemaOf(a.Body, output)
		}
		return media, m
	case isJSON(media) && a.Body != nil:
		t := a.Body
		for t.Kind() == reflect.Pointer && t.Name() == "" {
			t = t.Elem() // a nil one is a 204
		}
		return media, &mediaType{Schema: b.reflector.schemaOf(t, output)}
	case isJSON(media):
		return media, &mediaType{Schema: &schema{}}
	case strings.HasPrefix(media, "text/"):
		return media, &mediaType{Schema: &schema{Type: types{"string"}}}
	}
	return media, &mediaType{} // bytes
}

// events describes a stream of events whose data is the JSON of a t, or text.
func (b *builder) events(t reflect.Type) *mediaType {
	data := &schema{Type: types{"string"}}
	if t != nil && t != eventType {
		data.ContentMediaType, data.ContentSchema = mediaJSON, b.reflector.schemaOf(t, output)
	}
	event := &schema{Type: types{"object"}, Properties: properties{
		{"event", &schema{Type: types{"string"}}},
		{"id", &schema{Type: types{"string"}}},
		{"data", data},
	}}
	return &mediaType{Schema: &schema{Type: types{"string"}}, ItemSchema: event}
}
