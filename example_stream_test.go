package quart_test

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/goquart/quart"
)

func ExampleCtx_Stream() {
	app := quart.New(quart.Config{})
	app.Get("/count/{to:int}", func(c *quart.Ctx) error {
		to := c.ParamInt("to") // c is gone when the stream runs
		return c.Stream("text/plain; charset=utf-8", func(w *quart.StreamWriter) error {
			for i := range to {
				if _, err := w.WriteString(strconv.Itoa(i+1) + " "); err != nil {
					return err // the client has left, or does not read
				}
				if err := w.Flush(); err != nil {
					return err
				}
			}
			return nil
		})
	})
	get(app, "/count/5")
	// Output: 200 1 2 3 4 5
}

func ExampleCtx_SSE() {
	app := quart.New(quart.Config{SSE: quart.SSEConfig{Retry: -1}})
	app.Get("/rooms/{room}/events", func(c *quart.Ctx) error {
		return c.SSE(func(s *quart.EventStream) error {
			last, _ := strconv.Atoi(s.LastEventID()) // 0 at the first time
			for id := last + 1; id <= 2; id++ {
				if err := s.Send(quart.Event{ID: strconv.Itoa(id), Name: "note", Data: "to " + s.Param("room") + "\nand on"}); err != nil {
					return err
				}
			}
			return nil
		})
	})
	get(app, "/rooms/attic/events")
	// Output:
	// 200 : begin
	// id: 1
	// event: note
	// data: to attic
	// data: and on
	//
	// id: 2
	// event: note
	// data: to attic
	// data: and on
}

func ExampleEventStream_Tick() {
	app := quart.New(quart.Config{SSE: quart.SSEConfig{Retry: -1}})
	app.SSE("/clock", func(s *quart.EventStream) error {
		n := 0
		for range s.Tick(time.Millisecond) { // ends when the client leaves, and when the app stops
			_ = s.Send(quart.Event{Data: "tick"})
			if n++; n == 2 {
				break
			}
		}
		return nil
	})
	get(app, "/clock")
	// Output:
	// 200 : begin
	// data: tick
	//
	// data: tick
}

// A hub keeps the streams, which cost no goroutine while nothing is posted.
func ExampleEventStream_Park() {
	app := quart.New(quart.Config{SSE: quart.SSEConfig{Retry: -1}})
	app.SSE("/news", func(s *quart.EventStream) error {
		go func(l quart.Live) { // what a hub would do, at any time later
			_ = l.Post(quart.NewFrame("1", quart.Message{Data: []byte("something happened")}))
			l.Close()
		}(s)
		return s.Park()
	})
	get(app, "/news")
	// Output:
	// 200 : begin
	// id: 1
	// data: something happened
}

func ExampleRowsOf() {
	type film struct {
		Title string `json:"title"`
	}
	query := func(_ context.Context) iter.Seq2[film, error] {
		return func(yield func(film, error) bool) {
			for _, title := range []string{"Alien", "Brazil"} {
				if !yield(film{title}, nil) {
					return // the client has left
				}
			}
		}
	}
	app := quart.New(quart.Config{})
	quart.Get(app, "/films", func(c *quart.Ctx, _ quart.None) (quart.Rows[film], error) {
		return quart.RowsOf(query(c.Context())), nil
	})
	get(app, "/films")
	// Output: 200 [{"title":"Alien"},{"title":"Brazil"}]
}

// The context of a request ends when its client leaves: pass it to what takes long.
func ExampleCtx_Context() {
	app := quart.New(quart.Config{})
	app.Get("/report", func(c *quart.Ctx) error {
		report, err := compute(c.Context())
		if err != nil {
			return err
		}
		return c.Text(200, report)
	})
	get(app, "/report")
	// Output: 200 42
}

func compute(ctx context.Context) (string, error) {
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx) // quart.ErrClosed when the client has left
	case <-time.After(time.Millisecond):
		return "42", nil
	}
}

func ExampleCtx_EarlyHints() {
	app := quart.New(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		c.EarlyHints("</style.css>; rel=preload; as=style") // on the wire at once
		return c.Text(200, c.ResponseHeader("Link"))        // the page, which may take its time
	})
	get(app, "/")
	// Output: 200 </style.css>; rel=preload; as=style
}

// A page is streamed while it renders.
func ExampleStreamWriter_Render() {
	app := quart.New(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		return c.Stream("text/html; charset=utf-8", func(w *quart.StreamWriter) error {
			return w.Render(&hello{"<gopher>"})
		})
	})
	get(app, "/")
	fmt.Println(quart.StatusOf(quart.ErrClosed), "is what a log says of a client that left")
	// Output:
	// 200 <p>Hello, &lt;gopher&gt;!</p>
	// 499 is what a log says of a client that left
}
