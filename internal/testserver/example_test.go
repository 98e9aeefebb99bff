package testserver_test

import (
	"errors"
	"fmt"

	"github.com/goquart/quart/internal/testserver"
)

func Example() {
	p, err := testserver.StartPostgres(testserver.PostgresOptions{Settings: map[string]string{"max_connections": "50"}})
	if errors.Is(err, testserver.ErrMissing) {
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("connect to", p.DSN()[:len("postgres://postgres@127.0.0.1:")])
	if err := p.Stop(); err != nil {
		fmt.Println(err)
	}
}
