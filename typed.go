package quart

import (
	"fmt"
	"reflect"

	"github.com/goquart/quart/pool"
)

// None is no input, or no result (204).
type None struct{}

// Get registers a typed handler for GET and HEAD. See Handle.
func Get[In, Out any](r Router, pattern string, h func(*Ctx, In) (Out, error)) *Route {
	return Handle(r, "GET", pattern, h)
}

// Post registers a typed handler for POST. See Handle.
func Post[In, Out any](r Router, pattern string, h func(*Ctx, In) (Out, error)) *Route {
	return Handle(r, "POST", pattern, h)
}

// Put registers a typed handler for PUT. See Handle.
func Put[In, Out any](r Router, pattern string, h func(*Ctx, In) (Out, error)) *Route {
	return Handle(r, "PUT", pattern, h)
}

// Patch registers a typed handler for PATCH. See Handle.
func Patch[In, Out any](r Router, pattern string, h func(*Ctx, In) (Out, error)) *Route {
	return Handle(r, "PATCH", pattern, h)
}

// Delete registers a typed handler for DELETE. See Handle.
func Delete[In, Out any](r Router, pattern string, h func(*Ctx, In) (Out, error)) *Route {
	return Handle(r, "DELETE", pattern, h)
}

// Query registers a typed handler for QUERY, a GET with a body (draft-ietf-httpbis-safe-method-w-body). See Handle.
func Query[In, Out any](r Router, pattern string, h func(*Ctx, In) (Out, error)) *Route {
	return Handle(r, "QUERY", pattern, h)
}

// Handle registers a typed handler: its input is decoded and validated before it runs, its result is encoded after. For methods and
// patterns see App.Handle.
//
// # Input
//
// In is passed by value and is the handler's own, but for []byte and io.Reader from the body, which are borrowed until the handler returns. It is one of:
//   - None, or another struct without fields: there is no input, a body is not read.
//   - A struct without source tags, a map, a slice or a pointer to one of these: the JSON body. Not for GET, which has none.
//   - []byte, string or io.Reader: the body as it is, of any media type.
//   - A struct in which every field has one source, those of embedded structs and of structs whose fields have sources included.
//
// The sources are:
//
//	path:"id" query:"tab" header:"X-Tenant" cookie:"theme"
//	form:"title"        a field of a form, urlencoded or multipart
//	file:"cover"        *multipart.FileHeader or a slice of them, of a multipart form: as Ctx.FormFile
//	body:""             the JSON body, at most one; a pointer is nil if there is none
//	body:"image/*"      []byte, string or io.Reader: the body as it is, of that media type whatever its parameters, or of any if none is named
//
// Fields other than the body and files are strings, numbers, booleans, time.Duration (1m30s), time.Time (RFC 3339), [16]byte (a UUID), types with a
// method UnmarshalText, whose error may be an Errorf(422, "must be ...") to say why not, types made of these, pointers (nil when absent), and for query, header and form also slices, which take a
// repeated name; of a header also the elements between commas, where empty ones do not count and a quoted string keeps its quotes (RFC 9110, section 5.6.1). What is absent is the tag default:"20" (of a slice: elements between commas), else the zero value. A query argument without text is not
// absent; a header without text is, and a form's field whose type is no string or slice: browsers send one that was left empty, so that a string needs minLength=1
// to be filled in. Text is UTF-8. Members of a JSON body have defaults, too; one in
// a struct that is embedded by a pointer makes that struct. In JSON a time.Duration is a number of nanoseconds, and a [16]byte base64.
//
// # Rules
//
// The rules tag of a field, in a JSON body on any level, holds the value to the vocabulary of JSON Schema:
//
//	required                                   there, and not null
//	min= max= exclusiveMin= exclusiveMax= multipleOf=   numbers, durations (max=1m)
//	minLength= maxLength=                      strings: characters; bytes, files: bytes (5MiB)
//	enum=a|b format=email                      or uuid, date, time, date-time, duration, uri, uri-reference, hostname, ipv4, ipv6, byte, json-pointer
//	minItems= maxItems= uniqueItems            slices; items.max=9 is a rule for each element
//	minProperties= maxProperties=              maps
//	pattern=^[a-z]+$                           RE2, found anywhere unless anchored; the last one, as it takes the rest of the tag
//
//	Stars int `json:"stars" rules:"required,min=1,max=5"`
//
// What is absent, and not required, is held to nothing, and so is null. Unknown rules, and ones that do not fit the type, panic at
// registration. Rules that are met cost no allocation, but for the values of maps.
//
// Once all rules are met, methods Validate() error are called: of the values in a JSON body from the inside out, of the body field, and of In; Config.Validator
// is last. An error of theirs without a StatusCode becomes a 422 whose text it is: write it for the client. One made by Problems names fields.
//
// # What is wrong
//
// All faults are reported at once, up to 100, as errors of an RFC 9457 problem: location (path, query, header, cookie, form, body), pointer (into the body a JSON
// pointer, elsewhere the name) and detail.
//   - 404: a path value that does not convert, or breaks its rules.
//   - 415: a body of another media type: JSON is application/json or application/*+json.
//   - 400: a body that is empty or no JSON by RFC 8259: bad syntax or UTF-8, a name twice in an object (in other case, where that is ignored), bytes after the value (detail says at which
//     line and column); or nested deeper than 64. A form that is malformed.
//   - 422: what is well formed, but of the wrong type or against a rule. A number that is written with a fraction or an exponent is no integer.
//
// Names of JSON objects match by case, and unknown ones are ignored. JSON null is the default, else the zero value, but for a pointer as the input a 422.
//
// # Result
//
// Out is one of, with the status of Route.Status or what the handler set by c.SetStatus:
//   - None, or another struct without fields: no body, 204.
//   - string: text/plain, never HTML.
//   - []byte: as it is, with the Content-Type set on c, else application/octet-stream.
//   - A Template, as quicktemplate makes it: text/html.
//   - A nil pointer or interface: no body, and 204 in place of the route's status, which a document learns by Returns(204, nil). Else what it
//     points to or holds; the status of what an interface holds, 201 or 204 say, is the answer's where nobody chose another than 200.
//   - A struct whose fields are the parts of the answer: status:"201" (an int, whose zero is that number, or a blank field), header:"Location" (text, numbers,
//     time.Time as an HTTP date, slices for several), cookie:"sid" (a string or Cookie), body:"" (any of these results), those of embedded
//     structs included. Zero headers and cookies are not sent.
//   - Result: see there. Rows and Events are streams. A Responder writes itself.
//   - An error is answered as one.
//   - Anything else, and every type with a JSON method: JSON. A nil slice is [], a nil map {}; the keys of
//     a map are sorted.
//
// A result with a method StatusCode() int has that status, unless it is 0. A handler that answers by a responder of c, a redirect say, has its result ignored.
//
// Mistakes in the types panic at registration, a path field that the pattern lacks and a member that Config.JSON's default takes no JSON for when the
// app is frozen. 0 allocations, besides what
// JSON itself makes: the strings, slices and maps of an input; a raw string over 256 bytes is 1, an io.Reader 1.
func Handle[In, Out any](r Router, method, pattern string, h func(*Ctx, In) (Out, error)) *Route {
	if h == nil {
		panic(fmt.Sprintf("quart: nil handler for %s %q (%s)", method, pattern, callSite()))
	}
	p, err := planOf(reflect.TypeFor[In]())
	if err != nil {
		panic(fmt.Sprintf("quart: %s %q: %v (%s)", method, pattern, err, callSite()))
	}
	out, err := resultOf(reflect.TypeFor[Out]())
	if err != nil {
		panic(fmt.Sprintf("quart: %s %q: %v (%s)", method, pattern, err, callSite()))
	}
	if method == "GET" && (p.hasBody || p.form) {
		panic(fmt.Sprintf("quart: GET %q: input type %v: a GET has no body: give the fields sources, such as query:\"page\", or use Query (%s)", pattern, p.typ, callSite()))
	}
	e := &endpoint[In, Out]{
		handler: h, plan: p, write: out.write,
		frames: pool.New(func(f *frame[In, Out]) { *f = frame[In, Out]{} }),
	}
	route := r.Handle(method, pattern, e.serve)
	route.implicitName = funcName(h)
	route.typed = typedInfo{plan: p, out: out, status: out.status, own: answersOf(out.typ)}
	return route
}

// endpoint is a typed handler.
type endpoint[In, Out any] struct {
	handler func(*Ctx, In) (Out, error)
	plan    *plan
	write   resultWriter
	frames  *pool.Pool[frame[In, Out]]
}

// frame is where a request's input and result lie: on the heap for reflection and for the JSON codec, and pooled.
type frame[In, Out any] struct {
	in  In
	out Out
}

// serve is the Handler.
func (e *endpoint[In, Out]) serve(c *Ctx) error {
	f := e.frames.Get() // perf: pooled, so that &in and &out may become interface values, BenchmarkTyped
	err := e.run(c, f)
	e.frames.Put(f)
	return err
}

func (e *endpoint[In, Out]) run(c *Ctx, f *frame[In, Out]) (err error) {
	if !e.plan.empty() {
		if err = e.plan.decode(c, reflect.ValueOf(&f.in).Elem()); err != nil {
			return err
		}
	}
	c.SetStatus(c.route.typed.status) // what the handler may replace
	f.out, err = e.handler(c, f.in)
	if err != nil || c.responded {
		return err
	}
	return e.write(c, reflect.ValueOf(&f.out).Elem())
}

// typedInfo is what a Route knows of its typed handler; its plan is nil for a plain one.
type typedInfo struct {
	plan    *plan
	out     result
	status  int
	own     []Answer // of a result that documents itself
	returns []Answer // of Route.Returns
}

// check is called when the app is frozen: every path field needs a parameter of the pattern, prefixes included, or
// a default of the route, and every member of a JSON body a type that quart's codec takes, if that is the app's.
func (t *typedInfo) check(r *Route, codec JSONCodec) error {
	if t.plan == nil {
		return nil
	}
	if name := t.plan.missingPath(r); name != "" {
		return fmt.Errorf("input type %v: the pattern has no parameter %q", t.plan.typ, name)
	}
	if _, own := codec.(jsonV2); own && t.plan.content.shape != nil && t.plan.content.shape.misfit != nil {
		return fmt.Errorf("input type %v: %w", t.plan.typ, t.plan.content.shape.misfit)
	}
	return nil
}

// Status sets the status of a typed result, 200-599: 200 by default, 204 for None. c.SetStatus and Result go before it.
func (r *Route) Status(code int) *Route {
	r.open("Status")
	if r.typed.plan == nil {
		panic("quart: Route.Status is for typed handlers, others choose theirs (" + callSite() + ")")
	}
	if code < 200 || code > 599 {
		panic(fmt.Sprintf("quart: Route.Status(%d) (%s)", code, callSite()))
	}
	r.typed.status = code
	return r
}

// Returns documents another answer of the route. body is an example of its body; it is described as a result of its type
// would be written. Without one, nil, an answer of 400 and more is a problem (RFC 9457), another one has no body.
func (r *Route) Returns(code int, body any) *Route {
	r.open("Returns")
	if code < 100 || code > 599 {
		panic(fmt.Sprintf("quart: Route.Returns(%d) (%s)", code, callSite()))
	}
	a := Answer{Status: code}
	if code >= 400 {
		a.ContentType = string(ctProblem)
	}
	if body != nil {
		out, err := resultOf(reflect.TypeOf(body))
		if err != nil {
			panic(fmt.Sprintf("quart: Route.Returns: %v (%s)", err, callSite()))
		}
		a = out.answer(code)
	}
	r.typed.returns = append(r.typed.returns, a)
	return r
}
