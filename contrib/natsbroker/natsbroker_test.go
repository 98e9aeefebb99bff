package natsbroker_test

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"testing"

	"github.com/goquart/quart/contrib/natsbroker"
	"github.com/goquart/quart/contrib/natsbroker/embedded"
	"github.com/goquart/quart/hub"
	"github.com/goquart/quart/hub/brokertest"
)

// backend is a server that comes back at its address.
type backend struct {
	srv *embedded.Server
	dir string
	url string
}

func start(t *testing.T) *backend {
	t.Helper()
	b := &backend{dir: t.TempDir()}
	b.run(t, 0)
	b.url = b.srv.URL()
	t.Cleanup(func() { b.stop(t) })
	return b
}

func (b *backend) run(t *testing.T, port int) {
	t.Helper()
	srv, err := embedded.Start(embedded.Config{Port: port, Dir: b.dir})
	if err != nil {
		t.Fatal(err)
	}
	b.srv = srv
}

func (b *backend) stop(t *testing.T) {
	if err := b.srv.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func (b *backend) start(t *testing.T) {
	t.Helper()
	u, err := url.Parse(b.url)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	b.run(t, port)
}

func (b *backend) lose(t *testing.T) {
	b.stop(t)
	if err := os.RemoveAll(b.dir); err != nil {
		t.Fatal(err)
	}
	b.start(t)
}

// connect returns a broker as another process would have it.
func (b *backend) connect(t *testing.T, config natsbroker.Config) *natsbroker.Broker {
	t.Helper()
	config.URL = b.url
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	broker, err := natsbroker.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	})
	return broker
}

func TestContract(t *testing.T) {
	brokertest.Run(t, brokertest.Harness{Slack: slack, New: func(t *testing.T, c brokertest.Config) brokertest.Backend {
		b := start(t)
		return brokertest.Backend{
			Connect: func(t *testing.T) hub.Broker { return b.connect(t, contractConfig(c)) },
			Stop:    b.stop,
			Start:   b.start,
			Lose:    b.lose,
		}
	}})
}
