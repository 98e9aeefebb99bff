package redisbroker_test

import (
	"testing"

	"github.com/goquart/quart/contrib/redisbroker"
	"github.com/goquart/quart/hub"
	"github.com/goquart/quart/hub/brokertest"
)

func TestContract(t *testing.T) {
	brokertest.Run(t, brokertest.Harness{New: func(t *testing.T, c brokertest.Config) brokertest.Backend {
		s := startServer(t)
		return brokertest.Backend{
			Connect: func(t *testing.T) hub.Broker {
				return newBroker(t, redisbroker.Config{URL: s.url(), History: c.History, Keep: c.Keep})
			},
			Stop:  func(*testing.T) { s.kill() },
			Start: func(t *testing.T) { s.start(t) },
			Lose:  func(t *testing.T) { s.lose(t) },
		}
	}})
}
