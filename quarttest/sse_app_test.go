package quarttest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

// TestStreamOfApp: what an app sends is what the test takes, over chunks and until the close.
func TestStreamOfApp(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		events := []quart.Event{
			{ID: "1", Name: "tick", Data: "hello"},
			{},
			{Data: "a\n"},
			{Data: " two\n\nlines", Retry: 1500 * time.Millisecond},
			{ID: "id: {2}", Data: "data: x"},
		}
		app := newApp(t)
		app.SSE("/", func(s *quart.EventStream) error {
			for _, e := range events {
				if err := s.Send(e); err != nil {
					return err
				}
			}
			return s.Send(quart.Event{ID: "3", Data: "after " + s.LastEventID(), Comment: "bye"})
		})
		cl := quarttest.New(t, app, p)
		for _, connection := range []string{"keep-alive", "close"} {
			t.Run(connection, func(t *testing.T) {
				s := cl.SSE("/", "Connection", connection, "Last-Event-ID", "0")
				for _, want := range append(events, quart.Event{ID: "3", Data: "after 0"}) {
					if got := s.Next(10 * time.Second); got != want {
						t.Errorf("got %+v, want %+v", got, want)
					}
				}
				s.End(10 * time.Second)
				if s.LastEventID() != "3" || s.Retry() != 1500*time.Millisecond {
					t.Errorf("last id %q, retry %v", s.LastEventID(), s.Retry())
				}
			})
		}
	})
}

// TestStreamLeaves: the app notices a closed stream without sending anything, and an app that stops ends the others.
func TestStreamLeaves(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		synctest.Test(t, func(t *testing.T) {
			ended := make(chan error, 1)
			app := newApp(t)
			app.SSE("/", func(s *quart.EventStream) error {
				<-s.Context().Done()
				ended <- context.Cause(s.Context())
				return nil
			})
			cl := quarttest.New(t, app, p)
			s := cl.SSE("/")
			s.Close()
			if err := <-ended; !errors.Is(err, quart.ErrClosed) {
				t.Errorf("the stream's context ends with %v", err)
			}
			s = cl.SSE("/")
			if err := cl.Stop(); err != nil {
				t.Errorf("Stop: %v", err)
			}
			s.End(time.Nanosecond)
		})
	})
}

// TestStreamHeartbeat: time in a bubble goes by as fast as a test can wait for it.
func TestStreamHeartbeat(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		synctest.Test(t, func(t *testing.T) {
			app := newApp(t)
			app.SSE("/", func(s *quart.EventStream) error {
				<-s.Context().Done()
				return nil
			})
			s := quarttest.New(t, app, p).SSE("/")
			before := s.Comments()
			s.NextComment(time.Minute)
			if _, err := s.Try(2 * time.Minute); err == nil || s.Comments() < before+4 {
				t.Errorf("%d comments after two minutes, %v", s.Comments(), err)
			}
		})
	})
}

// TestStreamOfFailingApp: a failure cuts the stream, so that it cannot be taken for its end.
func TestStreamOfFailingApp(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		app := newApp(t)
		app.SSE("/", func(s *quart.EventStream) error {
			_ = s.Send(quart.Event{Data: "1"})
			return errors.New("no database")
		})
		s := quarttest.New(t, app, p).SSE("/")
		if got := s.Next(10 * time.Second).Data; got != "1" {
			t.Errorf("first event %q", got)
		}
		if _, err := s.Try(10 * time.Second); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after the failure: %v", err)
		}
	})
}

// TestStartContext: c.Context() of an abandoned request ends, on a fresh connection and on one that served others.
func TestStartContext(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		synctest.Test(t, func(t *testing.T) {
			began, ended := make(chan context.Context), make(chan error)
			app := newApp(t)
			app.Get("/", func(c *quart.Ctx) error { return c.NoContent() })
			app.Get("/slow", func(c *quart.Ctx) error {
				began <- c.Context()
				<-c.Context().Done()
				ended <- context.Cause(c.Context())
				return nil
			})
			cl := quarttest.New(t, app, p)
			for range 2 {
				leave := cl.Get("/slow").Start()
				ctx := <-began
				synctest.Wait()
				if err := ctx.Err(); err != nil {
					t.Fatalf("ended while the client waits: %v", err)
				}
				leave()
				if err := <-ended; !errors.Is(err, quart.ErrClosed) {
					t.Errorf("the context ends with %v", err)
				}
				cl.Get("/").Want(204) // leaves a connection for the second time
			}
		})
	})
}

func ExampleClient_SSE() {
	test := func(t testing.TB) {
		app := quart.New(quart.Config{})
		app.SSE("/count", func(s *quart.EventStream) error {
			for i := range 2 {
				if err := s.Send(quart.Event{ID: fmt.Sprint(i), Name: "n", Data: fmt.Sprint(10 * i)}); err != nil {
					return err
				}
			}
			return nil
		})

		s := quarttest.New(t, app).SSE("/count")
		for range 2 {
			e := s.Next(5 * time.Second)
			fmt.Println(e.Name, e.Data)
		}
		s.End(5 * time.Second)
		fmt.Println("last id", s.LastEventID())
	}
	run(test)
	// Output:
	// n 0
	// n 10
	// last id 1
}
