package quart

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"

	"github.com/valyala/fasthttp"
)

// errorHandlers are those of one scope: a group as mounted in one place, or the app.
type errorHandlers struct {
	byStatus map[int]func(*Ctx, error) error
	byType   []typeHandler
}

type typeHandler struct {
	typ    reflect.Type
	depth  func(err error) int
	handle func(c *Ctx, err error) error
}

// OnStatus calls h for errors that are answered with status. The status of the answer is
// what h sets, not status. For 500, err is the original error. A handler of a group is asked
// before those of the groups around it, a handler by status before those by type; but an error without a status of its own comes
// to OnStatus(500) only when no handler by type takes it. An error or a panic of h is logged and answered
// as a 500, by the handler of that status if h is of another, and once. To leave err to the default rendering, h returns it;
// to answer as another error, it returns Problem(c, Errorf(403, "not yours")).
func (r *router) OnStatus(status int, h func(c *Ctx, err error) error) {
	r.mustBeOpen("OnStatus")
	if status < 400 || status > 599 {
		panic(fmt.Sprintf("quart: OnStatus(%d): no status of an error (%s)", status, callSite()))
	}
	if r.errors.byStatus[status] != nil {
		panic(fmt.Sprintf("quart: second OnStatus(%d) for one group (%s)", status, callSite()))
	}
	if r.errors.byStatus == nil {
		r.errors.byStatus = make(map[int]func(*Ctx, error) error)
	}
	r.errors.byStatus[status] = h
}

// OnError calls h for errors of type E, found as by errors.As: the nearest group's handler first, then the most specific
// type: a concrete type before an interface, an outer error before what it wraps, an interface before one that it implements.
// E = error takes all, HTTP errors and panics included. What h answers and fails with is as for OnStatus.
func OnError[E error](r Router, h func(c *Ctx, err E) error) {
	base := r.base()
	base.mustBeOpen("OnError")
	typ := reflect.TypeFor[E]()
	for i := range base.errors.byType {
		if base.errors.byType[i].typ == typ {
			panic(fmt.Sprintf("quart: second OnError[%v] for one group (%s)", typ, callSite()))
		}
	}
	base.errors.byType = append(base.errors.byType, typeHandler{
		typ:   typ,
		depth: depthOf[E],
		handle: func(c *Ctx, err error) error {
			var e E
			errors.As(err, &e)
			return h(c, e)
		},
	})
}

// depthOf returns how deep in err's tree the first E lies, -1 for not at all.
func depthOf[E error](err error) int {
	var e E
	if !errors.As(err, &e) {
		return -1
	}
	for depth := 0; ; depth++ {
		if _, ok := err.(E); ok {
			return depth
		}
		if x, ok := err.(interface{ As(any) bool }); ok && x.As(&e) {
			return depth
		}
		if err = errors.Unwrap(err); err == nil {
			return depth + 1 // in one of several errors that were joined
		}
	}
}

// before reports whether t is more specific than other, for an error that holds both at these depths.
func (t *typeHandler) before(other *typeHandler, depth, otherDepth int) bool {
	if a, b := t.rank(), other.rank(); a != b {
		return a < b
	}
	if depth != otherDepth {
		return depth < otherDepth
	}
	return other.typ.Kind() == reflect.Interface && t.typ.Implements(other.typ)
}

var typeOfError = reflect.TypeFor[error]()

// rank is 0 for a concrete type, 1 for an interface, 2 for error itself.
func (t *typeHandler) rank() int {
	switch {
	case t.typ == typeOfError:
		return 2
	case t.typ.Kind() == reflect.Interface:
		return 1
	}
	return 0
}

// find looks in one scope. A handler by status goes before those by type.
func (h *errorHandlers) find(err error, status int) func(*Ctx, error) error {
	if f := h.byStatus[status]; f != nil {
		return f
	}
	return h.findType(err)
}

func (h *errorHandlers) findType(err error) func(*Ctx, error) error {
	var best *typeHandler
	bestDepth := 0
	for i := range h.byType {
		t := &h.byType[i]
		depth := t.depth(err)
		if depth >= 0 && (best == nil || t.before(best, depth, bestDepth)) {
			best, bestDepth = t, depth
		}
	}
	if best == nil {
		return nil
	}
	return best.handle
}

// Fail renders err as the response now, with the error handlers that apply, for middleware that
// needs the final response (a logger, an ETag). Body and content headers set so far are
// replaced, other headers (Set-Cookie, CORS, Vary) stay. Only the first call does anything, and a nil err does nothing. Return
// err all the same: outer layers may want to know, and it is not rendered twice.
func (c *Ctx) Fail(err error) {
	c.live()
	if err == nil || c.err != nil {
		return
	}
	if c.gone() && errors.Is(err, context.Canceled) {
		err = &HTTPError{Status: StatusOf(ErrClosed), Err: err} // no fault of the handler
	}
	c.err = err
	if c.fc.Hijacked() { // the connection stays with HTTP
		c.fc.Hijack(nil)
		c.fc.HijackSetNoResponse(false)
	}
	if c.h2 != nil {
		c.h2.Hijack(nil)
	}
	status := StatusOf(err)
	h := c.errorHandler(err, status)
	if h == nil {
		c.noteError(err, status)
		c.renderProblem(err)
		return
	}
	failed := c.handleError(h, err)
	switch {
	case failed == nil:
		c.noteError(err, c.Status())
	case sameError(failed, err): // the handler leaves it to us
		c.noteError(err, status)
		c.renderProblem(err)
	default:
		c.noteError(err, fasthttp.StatusInternalServerError)
		c.failAgain(failed, status)
	}
}

// noteError counts and logs what is answered with a status from 500, and every panic.
func (c *Ctx) noteError(err error, status int) {
	if status >= 500 {
		c.app.errs.Add(1)
	}
	if _, panicked := err.(*PanicError); panicked || status >= 500 {
		c.logError("request failed", err)
	}
}

// failAgain answers the error of an error handler as a 500. A handler of that status gets it, unless that one may be what
// failed: there is no third round.
func (c *Ctx) failAgain(err error, status int) {
	c.logError("an error handler failed", err)
	if h := c.statusHandler(500); h != nil && status != 500 {
		if err = c.handleError(h, err); err == nil {
			return
		}
		c.logError("an error handler failed", err)
	}
	c.renderProblem(errInternal)
}

// Err returns the error that Fail rendered, nil if none. Middleware that ran next sees here
// that the response is an error's.
func (c *Ctx) Err() error {
	c.live()
	return c.err
}

// errorScope is where the search for an error handler begins: the route's group, the app for what no route took.
func (c *Ctx) errorScope() *scope {
	if c.route != nil {
		return c.route.scope
	}
	return &c.app.scope
}

// errorHandler returns the handler that applies. The 500 of an error that has no status of its own only says that nobody knew
// it: types are asked first then, in all scopes, and OnStatus(500) is for what is left.
func (c *Ctx) errorHandler(err error, status int) func(*Ctx, error) error {
	if status == fasthttp.StatusInternalServerError && !hasStatus(err) {
		for s := c.errorScope(); s != nil; s = s.parent {
			if h := s.errors.findType(err); h != nil {
				return h
			}
		}
		return c.statusHandler(status)
	}
	for s := c.errorScope(); s != nil; s = s.parent {
		if h := s.errors.find(err, status); h != nil {
			return h
		}
	}
	return nil
}

func (c *Ctx) statusHandler(status int) func(*Ctx, error) error {
	for s := c.errorScope(); s != nil; s = s.parent {
		if h := s.errors.byStatus[status]; h != nil {
			return h
		}
	}
	return nil
}

// handleError runs a user's error handler on a clean response.
func (c *Ctx) handleError(h func(*Ctx, error) error, err error) (failed error) {
	defer func() {
		if v := recover(); v != nil {
			failed = recovered(v)
		}
	}()
	c.clearContent()
	return h(c, err)
}

func (c *Ctx) logError(msg string, err error) {
	var p *PanicError
	if errors.As(err, &p) {
		c.Log().Error("panic", "method", c.Method(), "path", c.Path(), "error", p.Error(), "stack", string(p.Stack))
		return
	}
	var whole slog.LogValuer // such as a batch's panic, whose text is for everybody
	if errors.As(err, &whole) {
		c.Log().Error(msg, "method", c.Method(), "path", c.Path(), "error", err.Error(), "cause", whole)
		return
	}
	c.Log().Error(msg, "method", c.Method(), "path", c.Path(), "error", err.Error())
}
