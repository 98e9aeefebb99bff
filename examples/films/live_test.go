package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

func TestLiveReviews(t *testing.T) {
	f := &films{store: newStore(t), live: newLive()}
	cl := quarttest.New(t, f.routes(quart.Config{Log: quarttest.Log(t)}))
	stream := cl.SSE("/films/12/reviews/live")
	waitUntil(t, "a member", func() bool { return f.live.topic(12).Members() == 1 })
	cl.Post("/reviews/").JSON(map[string]int{"film_id": 13, "rating": 1}).Want(200) // of another film
	cl.Post("/reviews/").JSON(map[string]int{"film_id": 12, "rating": 4}).Want(200)
	cl.Post("/film/12/reviews").Form("rating", "2", "author", "Ada", "text", "Twice.").Want(303)
	for _, want := range []liveReview{{FilmID: 12, Rating: 4}, {FilmID: 12, Rating: 2, Author: "Ada", Text: "Twice."}} {
		var got liveReview
		if err := json.Unmarshal([]byte(stream.Next(10*time.Second).Data), &got); err != nil {
			t.Fatal(err)
		}
		if got.Created.IsZero() {
			t.Error("no time of creation")
		}
		got.Created = time.Time{}
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	stream.Close()
	waitUntil(t, "no member", func() bool { return f.live.topic(12).Members() == 0 })
	cl.Get("/films/1001/reviews/live").Want(404)
}
