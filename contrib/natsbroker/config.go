package natsbroker

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Config says where the server is and what it keeps. The zero value is a server at 127.0.0.1:4222 and a stream called quart. All processes should have the
// same one: the last to start sets the bounds of the stream.
type Config struct {
	// URL is that of the server, or of several with commas between them. Default: nats.DefaultURL.
	URL string

	// Options are those of the broker's own connection: credentials, TLS, a name. They are applied behind the broker's.
	Options []nats.Option

	// Conn is used in place of a connection of the broker's own, and is not closed by Close. It should be made with
	// nats.MaxReconnects(-1), else an outage of more than two minutes is for ever.
	Conn *nats.Conn

	// Domain is the JetStream domain, where there are several.
	Domain string

	// Stream is the name of the stream, in all processes the same. Applications that share an account must have different ones.
	// Default: "quart".
	Stream string

	// Subject is what the subjects of the stream begin with: "Subject.msg." and "Subject.live.". Default: the name of the stream.
	Subject string

	// History is how many messages of a topic someone new gets: a hub, when the first member comes in its process. Clients that come back are
	// served from what their hub has, so it should not be less than hub.Config.History. Default: 128.
	History int

	// Backlog is how many messages of a topic the stream keeps for subscriptions that lost the connection. It should be more than is published
	// to one topic until the connection is back. Default: 16,384, at least History.
	Backlog int

	// Keep is how long messages are kept. It should not be less than hub.Config.Keep. Default: 2 minutes. At least 100 ms, negative: until
	// Backlog newer ones are there, or MaxBytes are full.
	Keep time.Duration

	// MaxBytes is how much the stream may take. The oldest messages make room, whatever their topic. Default: no limit but that of the account.
	MaxBytes int64

	// Storage is jetstream.FileStorage, the default, or jetstream.MemoryStorage, with which the messages are gone when the server restarts.
	Storage jetstream.StorageType

	// Replicas is on how many servers of a cluster the stream is kept. Default: 1.
	Replicas int

	// Timeout is how long New and Subscribe wait for a server that is away. Default: 5 seconds.
	Timeout time.Duration

	// Log gets a line when the server comes back, when the stream is made anew, and when messages are missing. Default: slog.Default().
	Log *slog.Logger
}

// withDefaults returns the Config with every field set. It reports what the server would refuse without saying why.
func (c Config) withDefaults() (Config, error) {
	c.URL = or(c.URL, nats.DefaultURL)
	c.Stream = or(c.Stream, "quart")
	c.Subject = or(c.Subject, c.Stream)
	c.History = or(c.History, 128)
	c.Backlog = max(or(c.Backlog, 16_384), c.History)
	c.Keep = or(c.Keep, 2*time.Minute)
	c.Replicas = or(c.Replicas, 1)
	c.Timeout = or(c.Timeout, 5*time.Second)
	c.Log = or(c.Log, slog.Default())
	switch {
	case strings.ContainsAny(c.Stream, ".*> \t\r\n/\\\x00"):
		return c, fmt.Errorf("natsbroker: a stream cannot be called %q", c.Stream)
	case strings.ContainsAny(c.Subject, "*> \t\r\n\x00") || strings.Contains("."+c.Subject+".", ".."):
		return c, fmt.Errorf("natsbroker: subjects cannot begin with %q", c.Subject)
	case c.History < 0 || c.Backlog < 0:
		return c, errors.New("natsbroker: History and Backlog must not be negative: who was away reads from there")
	case c.Keep > 0 && c.Keep < 100*time.Millisecond:
		return c, fmt.Errorf("natsbroker: Keep is %v, less than 100ms", c.Keep)
	case c.Timeout < 0:
		return c, fmt.Errorf("natsbroker: Timeout is %v", c.Timeout)
	}
	c.Keep = max(c.Keep, 0) // 0 is for ever from here on, as the server has it
	return c, nil
}

func or[T comparable](v, byDefault T) T {
	var zero T
	if v == zero {
		return byDefault
	}
	return v
}

// dedup is how long the server knows the IDs of messages, and so how long a publication of which nobody knows whether it arrived is tried again.
// Each ID takes the server about 150 bytes for that time.
func (c *Config) dedup() time.Duration {
	if c.Keep == 0 {
		return maxDedup
	}
	return min(maxDedup, c.Keep)
}

const maxDedup = 30 * time.Second

// streamConfig is the configuration of the stream in an epoch.
func (c *Config) streamConfig(s subjects) jetstream.StreamConfig {
	maxBytes := c.MaxBytes
	if maxBytes == 0 {
		maxBytes = -1
	}
	return jetstream.StreamConfig{
		Name:              c.Stream,
		Description:       "messages of a quart hub",
		Subjects:          []string{s.stored("*")},
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: int64(c.Backlog),
		MaxAge:            c.Keep,
		MaxBytes:          maxBytes,
		Storage:           c.Storage,
		Replicas:          c.Replicas,
		Duplicates:        c.dedup(),
		AllowDirect:       true,
		RePublish:         &jetstream.RePublish{Source: s.stored("*"), Destination: s.live("{{wildcard(1)}}")},
	}
}
