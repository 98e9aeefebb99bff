package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/goquart/quart/contrib/natsbroker"
	"github.com/goquart/quart/contrib/redisbroker"
	"github.com/goquart/quart/hub"
)

const (
	// keptMessages of a room are what somebody new sees, and somebody who comes back at most.
	keptMessages = 100
	keptFor      = time.Hour
	// keptForCopies is how many more a broker keeps for copies that lost touch with it.
	keptForCopies = 16_384
)

// broker is a hub.Broker that is ours to close.
type broker interface {
	hub.Broker
	Close() error
}

// openBroker connects to what url says, nil for "".
func openBroker(ctx context.Context, url string) (broker, error) {
	scheme, _, _ := strings.Cut(url, "://")
	switch scheme {
	case "":
		return nil, nil
	case "nats", "tls":
		return natsbroker.New(ctx, natsbroker.Config{URL: url, Stream: "quart-chat", History: keptMessages, Backlog: keptForCopies, Keep: keptFor})
	case "redis", "rediss", "unix":
		return redisbroker.New(redisbroker.Config{URL: url, Prefix: "quart-chat:", History: keptMessages, Reserve: keptForCopies, Keep: keptFor})
	}
	return nil, fmt.Errorf("-broker %q begins neither with nats:// nor with redis://", url)
}
