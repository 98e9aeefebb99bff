package quart

import (
	"iter"
	"reflect"
)

// Events is an Out that is sent as server-sent events, one for each value. Made by EventsOf.
type Events[T any] struct{ seq iter.Seq2[T, error] }

// EventsOf returns the events of seq: the data of each is a T in JSON, its name and id what T's methods EventName() string and EventID() string say, if it has
// them. A T that is an Event is sent as it is. seq runs after the handler has returned, in the goroutine of the stream: it may use c.Context(), which
// lives on, but not c. It ends when the client leaves, with its first error, which cuts the stream, or by itself, which tells the client to come back.
//
//	quart.Get(app, "/prices", func(c *quart.Ctx, in watch) (quart.Events[Price], error) {
//		return quart.EventsOf(prices(c.Context(), in.Symbol)), nil
//	})
func EventsOf[T any](seq iter.Seq2[T, error]) Events[T] { return Events[T]{seq} }

// Respond implements Responder. In a plain handler: return quart.EventsOf(seq).Respond(c).
func (e Events[T]) Respond(c *Ctx) error {
	return c.SSE(func(s *EventStream) error {
		if e.seq == nil {
			return nil
		}
		for v, err := range e.seq {
			if err != nil {
				return err
			}
			if err := sendEvent(s, &v); err != nil {
				return err
			}
		}
		return nil
	})
}

// Answers documents the stream by its data.
func (Events[T]) Answers() []Answer {
	return []Answer{{ContentType: contentTypeEvents, Body: reflect.TypeFor[T]()}}
}

func sendEvent[T any](s *EventStream, v *T) error {
	if e, ok := any(v).(*Event); ok {
		return s.Send(*e)
	}
	x := any(v)
	if rv := reflect.ValueOf(v).Elem(); rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface {
		x = *v // whose methods these are; those of nil are not called
		if rv.IsNil() {
			x = nil
		}
	}
	var id, name string
	if e, ok := x.(interface{ EventID() string }); ok {
		id = e.EventID()
	}
	if e, ok := x.(interface{ EventName() string }); ok {
		name = e.EventName()
	}
	return s.sendJSON(id, name, v)
}
