package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
)

// These are compared by [errors.Is]. Each has a method StatusCode() int, which
// returns 503.
var (
	// ErrFull is returned at once when [Config.Queue] calls wait already.
	ErrFull error = unavailable("batch: too many calls are waiting")

	// ErrClosed is returned after the begin of Close or Shutdown. It is also
	// the cause of run's context when the time given to Shutdown is over.
	ErrClosed error = unavailable("batch: closed")

	// ErrTimeout is what calls get when run failed after [Config.Timeout]. It
	// is a [context.DeadlineExceeded] too, and the cause of run's context.
	// Whether the items have taken effect is unknown.
	ErrTimeout error = late{unavailable("batch: run took too long")}
)

// errGone is the cause of run's context when nobody waits for it any more.
var errGone = errors.New("batch: all callers have gone")

// errExited is what calls get when run ended its goroutine.
var errExited = errors.New("batch: run called runtime.Goexit")

type unavailable string

func (e unavailable) Error() string   { return string(e) }
func (e unavailable) StatusCode() int { return 503 }

type late struct{ unavailable }

func (late) Is(target error) bool { return target == context.DeadlineExceeded }

// Errors is returned by run to tell each item's own outcome: entry i is the
// error of item i, nil if it succeeded. It has one entry per item, or none when
// all succeeded, so that a nil Errors is no error. The result of an item that
// failed is not used; results may be nil when all failed.
type Errors []error

// Error tells how many items failed, and how the first one did.
func (e Errors) Error() string {
	failed, first := 0, error(nil)
	for _, err := range e {
		if err == nil {
			continue
		}
		if failed++; first == nil {
			first = err
		}
	}
	if first == nil {
		return "batch: no item failed"
	}
	return fmt.Sprintf("batch: %d of %d items failed, the first with: %v", failed, len(e), first)
}

// Unwrap returns the entries that are not nil.
func (e Errors) Unwrap() []error {
	var out []error
	for _, err := range e {
		if err != nil {
			out = append(out, err)
		}
	}
	return out
}

// All marks err, which run is about to return, as one of the whole batch: every
// call gets it, and no item is tried alone. The text stays the same, and
// [errors.Is] and [errors.As] find err. All(nil) is nil.
func All(err error) error {
	if err == nil {
		return nil
	}
	return allError{err}
}

type allError struct{ error }

func (e allError) Unwrap() error { return e.error }

// A PanicError is what the calls of a batch get whose run panicked.
//
// Its text does not hold the value, because that may hold data of one call and
// the text reaches all of them. A [log/slog] handler gets all of it.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // of run's goroutine at the panic; not to be changed
}

// Error names the fault if it is the runtime's, else the type of Value.
func (e *PanicError) Error() string {
	if fault, ok := e.Value.(runtime.Error); ok {
		if text := fault.Error(); strings.HasPrefix(text, "runtime error: ") {
			return "batch: run panicked: " + text
		}
	}
	return fmt.Sprintf("batch: run panicked with a value of type %T", e.Value)
}

// StatusCode returns 500, whatever Value says.
func (*PanicError) StatusCode() int { return 500 }

// LogValue returns a group of panic and stack: the whole of Value.
func (e *PanicError) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("panic", fmt.Sprint(e.Value)),
		slog.String("stack", string(e.Stack)),
	)
}

// A lengthError is a defect of run.
type lengthError struct {
	what      string
	got, want int
}

func (e lengthError) Error() string {
	return fmt.Sprintf("batch: run returned %d %s for %d items", e.got, e.what, e.want)
}

// An interrupted is an error of a run whose context had ended before.
type interrupted struct{ cause, err error }

func (e interrupted) Error() string   { return e.cause.Error() + ": " + e.err.Error() }
func (e interrupted) Unwrap() []error { return []error{e.cause, e.err} }

// interrupt blames the end of run's context for err. A bare context.Canceled is
// dropped: for the callers it would mean that they had gone themselves. An err that
// is, or wraps, the cause already says so itself.
func interrupt(cause, err error) error {
	if errors.Is(err, context.Canceled) {
		return cause
	}
	if errors.Is(err, cause) { // context.Cause of run's context
		return err
	}
	return interrupted{cause, err}
}

// concernsAll tells whether an error of run says nothing about single items.
func concernsAll(err error) bool {
	if _, ok := errors.AsType[allError](err); ok {
		return true
	}
	if _, ok := errors.AsType[lengthError](err); ok {
		return true
	}
	_, ok := errors.AsType[*PanicError](err)
	return ok
}
