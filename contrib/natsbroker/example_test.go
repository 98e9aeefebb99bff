package natsbroker_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/goquart/quart/contrib/natsbroker"
	"github.com/goquart/quart/contrib/natsbroker/embedded"
	"github.com/goquart/quart/hub"
)

// Two processes, of which one brings the server along.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "nats")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	server, err := embedded.Start(embedded.Config{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close(ctx)

	here, err := natsbroker.New(ctx, natsbroker.Config{URL: server.URL()})
	if err != nil {
		log.Fatal(err)
	}
	defer here.Close()
	there, err := natsbroker.New(ctx, natsbroker.Config{URL: server.URL()})
	if err != nil {
		log.Fatal(err)
	}
	defer there.Close()

	if _, err := here.Publish(ctx, "fruit", []byte("apple")); err != nil {
		log.Fatal(err)
	}
	arrived := make(chan string, 10)
	cancel, _, err := there.Subscribe("fruit", hub.Pos{}, func(_ hub.Pos, msg []byte) { arrived <- string(msg) })
	if err != nil {
		log.Fatal(err)
	}
	defer cancel()
	if _, err := here.Publish(ctx, "fruit", []byte("pear")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-arrived)
	fmt.Println(<-arrived)
	// Output:
	// apple
	// pear
}
