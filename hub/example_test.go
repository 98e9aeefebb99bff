package hub_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
	"github.com/goquart/quart/quarttest"
)

// exampleT stands in for the *testing.T of a test.
type exampleT struct {
	testing.TB
	cleanups []func()
}

func (*exampleT) Helper()                           {}
func (e *exampleT) Cleanup(f func())                { e.cleanups = append(e.cleanups, f) }
func (*exampleT) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (*exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (e *exampleT) end() {
	for _, f := range e.cleanups {
		f()
	}
}

// Anybody may read a topic as an event stream, and the app publishes.
func Example() {
	news := hub.New(hub.Config{})
	app := quart.New(quart.Config{})
	app.WhileServing(news.Serve)
	app.Get("/news/{topic}", func(c *quart.Ctx) error { return news.Topic(c.Param("topic")).SSE(c) })
	app.Post("/news/{topic}", func(c *quart.Ctx) error {
		_, err := news.Topic(c.Param("topic")).Publish(c.Context(), []byte(c.Form("text")))
		return err
	})

	t := new(exampleT)
	defer t.end()
	cl := quarttest.New(t, app)
	readers := []*quarttest.Stream{cl.SSE("/news/go"), cl.SSE("/news/go")}
	for news.Topic("go").Members() < len(readers) {
		time.Sleep(time.Millisecond)
	}
	cl.Post("/news/go").Form("text", "1.26 is out").Want(200)
	for _, s := range readers {
		fmt.Println(s.Next(10 * time.Second).Data)
	}
	// Output:
	// 1.26 is out
	// 1.26 is out
}

// A chat with rooms: who connects to a room reads and writes there.
func ExampleTopic_Relay() {
	rooms := hub.New(hub.Config{})
	app := quart.New(quart.Config{})
	app.WhileServing(rooms.Serve)
	app.WebSocket("/chat/{room}", func(ws *quart.Socket) error {
		return rooms.Topic(ws.Param("room")).Relay(ws)
	})

	t := new(exampleT)
	defer t.end()
	cl := quarttest.New(t, app)
	ada, bob := cl.WebSocket("/chat/attic"), cl.WebSocket("/chat/attic")
	for rooms.Topic("attic").Members() < 2 {
		time.Sleep(time.Millisecond)
	}
	quarttest.WriteText(t, ada, "anybody here?")
	fmt.Println(quarttest.ReadText(t, bob))
	fmt.Println(quarttest.ReadText(t, ada))
	// Output:
	// anybody here?
	// anybody here?
}

// A client that comes back gets what it has missed.
func ExampleTopic_Follow() {
	news := new(hub.Hub).Topic("news")
	app := quart.New(quart.Config{})
	app.SSE("/news", news.Follow)

	t := new(exampleT)
	defer t.end()
	cl := quarttest.New(t, app)
	first := cl.SSE("/news")
	for news.Members() == 0 {
		time.Sleep(time.Millisecond)
	}
	_, _ = news.Publish(context.Background(), []byte("one"))
	fmt.Println(first.Next(10 * time.Second).Data)
	first.Close()

	_, _ = news.Publish(context.Background(), []byte("two"))
	second := cl.SSE("/news", "Last-Event-ID", first.LastEventID()) // as browsers do by themselves
	fmt.Println(second.Next(10 * time.Second).Data)
	// Output:
	// one
	// two
}

// Members with a name are present.
func ExampleTopic_Present() {
	room := new(hub.Hub).Topic("attic")
	app := quart.New(quart.Config{})
	app.Get("/attic", func(c *quart.Ctx) error {
		return room.SSEWith(c, hub.Options{As: c.Query("who")}) // in earnest: of a session
	})

	t := new(exampleT)
	defer t.end()
	cl := quarttest.New(t, app)
	ada := cl.SSE("/attic?who=ada")
	fmt.Println(ada.Next(10 * time.Second).Data) // who is present
	bob := cl.SSE("/attic?who=bob")
	fmt.Println(bob.Next(10 * time.Second).Data)
	fmt.Println(room.Present())
	ada.Close()
	for len(room.Present()) > 1 {
		time.Sleep(time.Millisecond)
	}
	fmt.Println(room.Present())
	// Output:
	// ["ada"]
	// ["ada","bob"]
	// [ada bob]
	// [bob]
}

// Who may not join gets the error of Authorize as an HTTP answer.
func ExampleConfig_authorize() {
	invited := map[string]bool{"attic": true}
	rooms := hub.New(hub.Config{Authorize: func(a hub.Access) error {
		if !invited[a.Topic] {
			return quart.ErrForbidden
		}
		return nil
	}})
	app := quart.New(quart.Config{})
	app.Get("/rooms/{room}", func(c *quart.Ctx) error { return rooms.Topic(c.Param("room")).SSE(c) })

	t := new(exampleT)
	defer t.end()
	cl := quarttest.New(t, app)
	fmt.Println(cl.Get("/rooms/cellar").Send().Status)
	cl.SSE("/rooms/attic")
	fmt.Println("welcome")
	// Output:
	// 403
	// welcome
}
