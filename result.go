package quart

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json"
)

// Responder is an Out that writes itself. It runs before the handler's *Ctx is released, with the route's status
// set on c.
type Responder interface {
	Respond(c *Ctx) error
}

// Answers is implemented by an Out that documents itself. It is asked once, on the zero value, at registration.
type Answers interface {
	Answers() []Answer
}

// Answer documents one answer of a route. Body is nil for none, or for one that has no Go type. The Status of one that a type
// documents may be 0, for the route's.
type Answer struct {
	Status      int
	ContentType string
	Body        reflect.Type
	Headers     []Field // of a struct with header and cookie fields
}

// Result is an Out whose status varies. Headers are set on the Ctx before returning:
//
//	return quart.Reply(202, job), nil
type Result[T any] struct {
	Status int // 200-599; 0 is the route's
	Body   T   // any Out
}

// Reply returns a Result.
func Reply[T any](status int, body T) Result[T] {
	return Result[T]{status, body}
}

// variable is implemented by pointers to a Result.
type variable interface {
	parts() (status int, body reflect.Value)
	bodyType() reflect.Type
}

func (r *Result[T]) parts() (status int, body reflect.Value) {
	return r.Status, reflect.ValueOf(&r.Body).Elem()
}

func (r *Result[T]) bodyType() reflect.Type { return reflect.TypeFor[T]() }

// resultWriter answers with out, which is addressable, and with the status that is set on c.
type resultWriter func(c *Ctx, out reflect.Value) error

// result says how a type of results is written and documented.
type result struct {
	write       resultWriter
	typ         reflect.Type // nil for none
	body        reflect.Type // of the answer's content, if that is not typ
	contentType string       // "" for none, or unknown
	headers     []Field
	status      int // default
}

// answer documents r.
func (r *result) answer(status int) Answer {
	a := Answer{Status: status, ContentType: r.contentType, Headers: slices.Clone(r.headers)}
	switch {
	case r.contentType == "":
	case r.body != nil:
		a.Body = r.body
	default:
		a.Body = r.typ
	}
	return a
}

// answersOf asks a type of results for its answers.
func answersOf(t reflect.Type) []Answer {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || !reflect.PointerTo(t).Implements(answersType) {
		return nil
	}
	return reflect.New(t).Interface().(Answers).Answers()
}

// statusCoder is an Out that says its status itself.
type statusCoder interface{ StatusCode() int }

var (
	errorType       = reflect.TypeFor[error]()
	templateType    = reflect.TypeFor[Template]()
	statusCoderType = reflect.TypeFor[statusCoder]()
	responderType   = reflect.TypeFor[Responder]()
	answersType     = reflect.TypeFor[Answers]()
	variableType    = reflect.TypeFor[variable]()
	marshalerType   = reflect.TypeFor[json.Marshaler]()
	marshalToType   = reflect.TypeFor[json.MarshalerTo]()
	contentTypeJSON = string(ctJSON)
	contentTypeText = string(ctText)
	contentTypeHTML = string(ctHTML)

	contentTypeEvents = string(ctEventStream)
)

const contentTypeBytes = "application/octet-stream"

// resultOf compiles the way in which results of type t are written.
func resultOf(t reflect.Type) (result, error) {
	r, err := resultOfType(t)
	if err != nil || t.Kind() == reflect.Interface || !reflect.PointerTo(t).Implements(statusCoderType) || t.Implements(errorType) {
		return r, err
	}
	if zero := reflect.New(t); t.Kind() != reflect.Pointer {
		r.status = cmp.Or(zero.Interface().(statusCoder).StatusCode(), r.status)
	}
	write := r.write
	r.write = func(c *Ctx, out reflect.Value) error {
		if err := c.resultStatus(out.Addr().Interface().(statusCoder).StatusCode()); err != nil {
			return err
		}
		return write(c, out)
	}
	return r, nil
}

// resultStatus sets the status that a result says it has; 0 is the route's.
func (c *Ctx) resultStatus(status int) error {
	if status != 0 && (status < 200 || status > 599) {
		return fmt.Errorf("quart: a result has the status %d", status)
	}
	if status != 0 {
		c.SetStatus(status)
	}
	return nil
}

func resultOfType(t reflect.Type) (result, error) {
	r := result{typ: t, status: 200}
	ptr := reflect.PointerTo(t)
	switch k := t.Kind(); {
	case ptr.Implements(responderType):
		r.write = writeResponder
	case ptr.Implements(variableType):
		return variableResult(t)
	case t.Implements(errorType) && k != reflect.Interface:
		r.write, r.typ = writeError, nil
	case isResponse(t):
		return responseResult(t)
	case ptr.Implements(templateType) && k != reflect.Interface && k != reflect.Pointer:
		r.write, r.contentType = writeTemplate, contentTypeHTML
	case ptr.Implements(marshalerType) || ptr.Implements(marshalToType):
		r.write, r.contentType = writeJSON, contentTypeJSON
	case isNone(t):
		r.write, r.typ, r.status = writeNone, nil, 204
	case k == reflect.Pointer:
		return pointerResult(t)
	case k == reflect.Interface:
		r.write = writeDynamic
	case k == reflect.String:
		r.write, r.contentType = writeText, contentTypeText
	case k == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		r.write, r.contentType = writeBytes, contentTypeBytes
	case k == reflect.Chan, k == reflect.Func, k == reflect.Uintptr, k == reflect.UnsafePointer, k == reflect.Complex64, k == reflect.Complex128:
		return r, fmt.Errorf("a %v is no result that can be answered", t)
	default:
		r.write, r.contentType = writeJSON, contentTypeJSON
	}
	return r, nil
}

func pointerResult(t reflect.Type) (result, error) {
	r, err := resultOf(t.Elem())
	write := r.write
	r.typ = t
	r.write = func(c *Ctx, out reflect.Value) error {
		if out.IsNil() {
			return writeNil(c)
		}
		return write(c, out.Elem())
	}
	return r, err
}

// variableResult is for a Result: that of its body, with another status.
func variableResult(t reflect.Type) (result, error) {
	r, err := resultOf(reflect.New(t).Interface().(variable).bodyType())
	write := r.write
	r.write = func(c *Ctx, out reflect.Value) error {
		status, body := out.Addr().Interface().(variable).parts()
		if err := c.resultStatus(status); err != nil {
			return err
		}
		return write(c, body)
	}
	return r, err
}

func writeResponder(c *Ctx, out reflect.Value) error {
	own := reflect.New(out.Type()) // it may go on after the frame is somebody else's
	own.Elem().Set(out)
	return own.Interface().(Responder).Respond(c)
}

// writeNone answers without a body. Unlike NoContent it keeps the headers: a 204 may well have an ETag.
func writeNone(c *Ctx, _ reflect.Value) error {
	c.fc.Response.ResetBody()
	c.responded = true
	return nil
}

// writeNil answers for what is not there: with 204, unless the handler chose another status than the route's.
func writeNil(c *Ctx) error {
	if c.Status() == c.route.typed.status {
		c.SetStatus(204)
	}
	return writeNone(c, reflect.Value{})
}

// writeDynamic answers with what an interface holds. It costs a copy of that.
func writeDynamic(c *Ctx, out reflect.Value) error {
	held := out.Elem()
	if out.IsNil() || held.Kind() == reflect.Pointer && held.IsNil() {
		return writeNil(c)
	}
	if err, ok := out.Interface().(error); ok {
		return err
	}
	v := reflect.New(held.Type()).Elem()
	v.Set(held)
	r, err := resultOf(v.Type())
	if err != nil {
		return fmt.Errorf("quart: %w", err)
	}
	if c.Status() == 200 && c.route.typed.status == 200 {
		c.SetStatus(r.status) // nobody chose another, and the route could not know this one
	}
	return r.write(c, v)
}

// writeError is for a result that is an error: it is answered as a handler's error is.
func writeError(c *Ctx, out reflect.Value) error {
	if out.Kind() == reflect.Pointer && out.IsNil() {
		return writeNil(c)
	}
	return out.Interface().(error)
}

func writeTemplate(c *Ctx, out reflect.Value) error {
	return c.Render(c.Status(), out.Addr().Interface().(Template))
}

func writeJSON(c *Ctx, out reflect.Value) error {
	return c.json(c.Status(), ctJSON, out.Addr().Interface())
}

func writeText(c *Ctx, out reflect.Value) error {
	return c.Text(c.Status(), out.String())
}

func writeBytes(c *Ctx, out reflect.Value) error {
	h := &c.fc.Response.Header
	h.SetNoDefaultContentType(true) // or a type that nobody set would read as text/plain
	if len(h.ContentType()) == 0 {
		h.SetContentType(contentTypeBytes)
	}
	c.start(c.Status(), h.ContentType())
	c.fc.Response.SetBody(out.Bytes())
	return nil
}
