package quart

import (
	"cmp"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"

	"github.com/goquart/quart/internal/bytesconv"
	"github.com/goquart/quart/internal/wire"
	"github.com/valyala/fasthttp"
)

// HTTPError is an error with an HTTP status. Status, Title, Detail, Type, Header
// and Fields are for the client; Err is for the log and never sent.
//
// It is rendered as an RFC 9457 problem (application/problem+json), or as a small
// HTML page when the request's Accept prefers text/html.
type HTTPError struct {
	Status int    // 400-599; anything else is answered as 500
	Title  string // "" is the status' standard phrase
	Detail string // what went wrong this time, for a person; "" leaves it out
	Type   string // URI of the kind of problem; "" is "about:blank"
	Header [][2]string
	Fields []FieldError
	Err    error
}

// FieldError says what is wrong with one value of the input.
type FieldError struct {
	Location string // path, query, header, cookie, form or body; "" is body
	Pointer  string // a JSON pointer (RFC 6901) into the body, "" for all of it; elsewhere the name of the value
	Detail   string
}

// The errors that handlers return most. They are compared by status: errors.Is(err,
// ErrNotFound) holds for every *HTTPError with status 404. Returning one allocates nothing.
var (
	ErrBadRequest   error = &HTTPError{Status: 400}
	ErrUnauthorized error = &HTTPError{Status: 401}
	ErrForbidden    error = &HTTPError{Status: 403}
	ErrNotFound     error = &HTTPError{Status: 404}
	ErrConflict     error = &HTTPError{Status: 409}
	// ErrTooLarge: the body is over the limit of its route (413).
	ErrTooLarge error = &HTTPError{Status: 413, Detail: "the request body is over the limit of this resource"}
	// ErrTimeout: the body did not arrive in time (408).
	ErrTimeout error = &HTTPError{Status: 408, Detail: "the request body did not arrive in time"}
	// ErrClosed: the client has left, or the stream was closed. It is the cause of a context that ended for that (context.Cause).
	// Its status, 499, is for logs: nobody reads the answer.
	ErrClosed error = &HTTPError{Status: 499, Title: "Client Closed Request"}
	// ErrDropped: a frame that was posted, or one before it, is lost, because the client is slow and SocketConfig.Overflow says so.
	ErrDropped = errors.New("quart: a frame was dropped for a slow client")
	// ErrQueueFull: the client reads more slowly than frames are posted (see EventStream.Post).
	ErrQueueFull = errors.New("quart: the client's queue is full")
)

var errInternal = &HTTPError{Status: 500}

// Error implements error: the status, the title or phrase, the detail and the cause. It is for the log: Err may hold what is
// not for clients, whose text is Detail.
func (e *HTTPError) Error() string {
	s := strconv.Itoa(e.Status) + " " + e.title()
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil && e.Err.Error() != e.Detail {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns Err.
func (e *HTTPError) Unwrap() error { return e.Err }

// StatusCode returns the status to answer with.
func (e *HTTPError) StatusCode() int { return e.Status }

// Is reports whether target is an *HTTPError of the same status.
func (e *HTTPError) Is(target error) bool {
	t, ok := target.(*HTTPError)
	return ok && t.Status == e.Status
}

func (e *HTTPError) title() string {
	if e.Title != "" {
		return e.Title
	}
	return fasthttp.StatusMessage(e.Status)
}

// Errorf returns an *HTTPError whose Detail, which the client sees, is the formatted
// text. The operand of a %w verb goes to the log only: its text is left out of the
// Detail, as errors often name things that are nobody's business.
func Errorf(status int, format string, a ...any) error {
	err := fmt.Errorf(format, a...)
	cause := errors.Unwrap(err)
	if cause == nil {
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			cause = errors.Join(many.Unwrap()...)
		}
	}
	if cause == nil {
		return &HTTPError{Status: status, Detail: err.Error()}
	}
	a = slices.Clone(a)
	for i, v := range a {
		if _, ok := v.(error); ok {
			a[i] = hidden{}
		}
	}
	return &HTTPError{Status: status, Detail: trimCause(fmt.Errorf(format, a...).Error()), Err: cause}
}

// hidden stands for a cause in a Detail.
type hidden struct{}

func (hidden) Error() string { return "" }

// trimCause removes what joins a text to a cause that is not shown.
func trimCause(s string) string {
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == ':') {
		s = s[:len(s)-1]
	}
	return s
}

// Problems returns a 422 that lists what is wrong with each field.
func Problems(fields ...FieldError) error {
	return &HTTPError{Status: 422, Detail: "the input does not meet its constraints", Fields: fields}
}

// StatusOf returns the status that err is answered with: that of the first error in its
// tree with a method StatusCode() int, if it is an error status, else 500. It is 200 for nil.
func StatusOf(err error) int {
	if err == nil {
		return fasthttp.StatusOK
	}
	if e, ok := err.(*HTTPError); ok && e.Status >= 400 && e.Status <= 599 {
		return e.Status // perf: errors.As allocates (BenchmarkQuartNotFound)
	}
	var coder interface{ StatusCode() int }
	if errors.As(err, &coder) {
		if status := coder.StatusCode(); status >= 400 && status <= 599 {
			return status
		}
	}
	return fasthttp.StatusInternalServerError
}

// hasStatus reports whether err, or what it wraps, says a status itself. A panic does not.
func hasStatus(err error) bool {
	var p *PanicError
	if errors.As(err, &p) {
		return false
	}
	var coder interface{ StatusCode() int }
	return errors.As(err, &coder)
}

// PanicError is what a panic in a handler becomes: error handlers and Teardown see it,
// the client sees a bare 500.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // of the goroutine, at the panic
}

// Error implements error.
func (e *PanicError) Error() string { return fmt.Sprint("panic: ", e.Value) }

// Unwrap returns Value when it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// StatusCode returns 500, whatever Value says.
func (e *PanicError) StatusCode() int { return fasthttp.StatusInternalServerError }

func newPanicError(value any) *PanicError {
	return &PanicError{Value: value, Stack: debug.Stack()}
}

// recovered is the error that a recovered value stands for.
func recovered(value any) error {
	if a, ok := value.(abort); ok {
		return a.err
	}
	return newPanicError(value)
}

// protect calls h and turns its panic into an error, so that layers around it see one.
func protect(h Handler) Handler {
	return func(c *Ctx) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = recovered(v)
			}
		}()
		return h(c)
	}
}

// clearContent drops the body and the headers that describe it.
func (c *Ctx) clearContent() {
	if c.pending != nil {
		c.dropPending()
	}
	resp := &c.fc.Response
	resp.ResetBody()
	resp.SetStatusCode(fasthttp.StatusOK)
	h := &resp.Header
	h.SetContentTypeBytes(nil)
	c.responded = false
	// perf: Del normalizes a name for each call, and most responses have none of them (BenchmarkQuartNotFound).
	for key := range h.All() {
		if slices.Contains(contentHeaders, bytesconv.String(key)) {
			for _, name := range contentHeaders {
				h.Del(name)
			}
			return
		}
	}
}

// contentHeaders describe a body, next to Content-Type and Content-Length.
var contentHeaders = []string{
	"Content-Encoding", "Content-Range", "Content-Language", "Content-Disposition", "Content-Location",
	"Etag", "Last-Modified", "Cache-Control", "Expires", "Accept-Ranges",
}

var (
	ctProblem = []byte("application/problem+json")
	offers    = []string{"application/problem+json", "application/json", "text/html"}
)

// httpError is what of err the client may see.
func httpError(err error) *HTTPError {
	status := StatusOf(err)
	if e, ok := err.(*HTTPError); ok && e.Status == status {
		return e
	}
	var e *HTTPError
	if errors.As(err, &e) && e.Status == status {
		return e
	}
	return &HTTPError{Status: status}
}

// Problem answers with err as application/problem+json, whatever Accept says, for error handlers of an API:
//
//	quart.OnError(api, quart.Problem)
func Problem(c *Ctx, err error) error {
	c.live()
	e := c.startProblem(err)
	c.write(ctProblem, appendProblem(c.fc.Response.SwapBody(nil)[:0], e))
	return nil
}

// renderProblem writes err as RFC 9457 JSON or as HTML.
func (c *Ctx) renderProblem(err error) {
	accept := c.fc.Request.Header.Peek("Accept")
	if len(accept) == 0 || wire.MediaType(accept, offers) != 2 {
		_ = Problem(c, err)
		return
	}
	e := c.startProblem(err)
	c.write(ctHTML, appendProblemHTML(c.fc.Response.SwapBody(nil)[:0], e))
}

// startProblem sets status and headers.
func (c *Ctx) startProblem(err error) *HTTPError {
	e := httpError(err)
	c.clearContent()
	for _, kv := range e.Header {
		c.AddHeader(kv[0], kv[1])
	}
	c.fc.Response.SetStatusCode(e.Status)
	return e
}

func appendProblem(b []byte, e *HTTPError) []byte {
	b = append(b, '{')
	if e.Type != "" {
		b = append(wire.AppendJSONString(append(b, `"type":`...), e.Type), ',')
	}
	b = wire.AppendJSONString(append(b, `"title":`...), e.title())
	b = strconv.AppendInt(append(b, `,"status":`...), int64(e.Status), 10)
	if e.Detail != "" {
		b = wire.AppendJSONString(append(b, `,"detail":`...), e.Detail)
	}
	for i, f := range e.Fields {
		if i == 0 {
			b = append(b, `,"errors":[`...)
		} else {
			b = append(b, ',')
		}
		b = wire.AppendJSONString(append(b, `{"location":`...), cmp.Or(f.Location, "body"))
		b = wire.AppendJSONString(append(b, `,"pointer":`...), f.Pointer)
		b = wire.AppendJSONString(append(b, `,"detail":`...), f.Detail)
		b = append(b, '}')
	}
	if len(e.Fields) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

func appendProblemHTML(b []byte, e *HTTPError) []byte {
	title := e.title()
	b = append(b, `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>`...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = wire.AppendHTMLText(append(b, ' '), title)
	b = append(b, `</title></head><body><h1>`...)
	b = wire.AppendHTMLText(b, title)
	b = append(b, `</h1>`...)
	if e.Detail != "" {
		b = wire.AppendHTMLText(append(b, `<p>`...), e.Detail)
		b = append(b, `</p>`...)
	}
	for i, f := range e.Fields {
		if i == 0 {
			b = append(b, `<ul>`...)
		}
		b = wire.AppendHTMLText(append(b, `<li>`...), f.Pointer)
		b = wire.AppendHTMLText(append(b, `: `...), f.Detail)
		b = append(b, `</li>`...)
	}
	if len(e.Fields) > 0 {
		b = append(b, `</ul>`...)
	}
	return append(b, "</body></html>\n"...)
}
