package redisbroker_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/goquart/quart/contrib/redisbroker"
	"github.com/goquart/quart/hub"
	"github.com/redis/go-redis/v9"
)

// A hub of several processes. It needs a server, so it is compiled, not run.
func Example() {
	broker, err := redisbroker.New(redisbroker.Config{URL: "redis://localhost:6379/0"})
	if err != nil {
		log.Fatal(err)
	}
	defer broker.Close()
	rooms := hub.New(hub.Config{Broker: broker})
	pos, err := rooms.Topic("lobby").Publish(context.Background(), []byte("hello"))
	fmt.Println(pos, err)
}

// Sentinel, a cluster, or a pool that is shared with the rest of the application.
func ExampleConfig() {
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		MasterName:            "main",
		Addrs:                 []string{"sentinel-1:26379", "sentinel-2:26379"},
		ContextTimeoutEnabled: true,
	})
	defer client.Close()
	broker, err := redisbroker.New(redisbroker.Config{Client: client, Prefix: "shop:", History: 500, Keep: 10 * time.Minute})
	if err != nil {
		log.Fatal(err)
	}
	defer broker.Close()
}
