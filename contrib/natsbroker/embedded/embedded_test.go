package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/goquart/quart/contrib/natsbroker"
	"github.com/goquart/quart/contrib/natsbroker/embedded"
)

func Example() {
	dir, err := os.MkdirTemp("", "nats")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	srv, err := embedded.Start(embedded.Config{Port: -1, Dir: dir}) // for this process only
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close(context.Background())
	conn, err := srv.Connect()
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	broker, err := natsbroker.New(context.Background(), natsbroker.Config{Conn: conn})
	if err != nil {
		log.Fatal(err)
	}
	defer broker.Close()

	pos, err := broker.Publish(context.Background(), "lobby", []byte("hello"))
	fmt.Println(pos.Seq, err)
	// Output: 1 <nil>
}

func TestStart(t *testing.T) {
	dir := t.TempDir()
	first, err := embedded.Start(embedded.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if url := first.URL(); !strings.HasPrefix(url, "nats://127.0.0.1:") {
		t.Errorf("URL %q", url)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Error(err)
	}
	second, err := embedded.Start(embedded.Config{Dir: dir, Port: -1, Options: func(o *server.Options) { o.ServerName = "mine" }})
	if err != nil {
		t.Fatal(err)
	}
	if name := second.Nats().Name(); second.URL() != "" || name != "mine" {
		t.Errorf("URL %q, name %q", second.URL(), name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := second.Close(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := second.Close(t.Context()); err != nil {
		t.Errorf("the second Close: %v", err)
	}
}

func TestStartErrors(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		config embedded.Config
		want   string
	}{
		{"a file for a directory", embedded.Config{Dir: file}, "not a directory"},
		{"no host", embedded.Config{Dir: t.TempDir(), Host: "no such host"}, "no such host"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv, err := embedded.Start(c.config)
			if err == nil {
				srv.Close(t.Context())
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not contain %q", err, c.want)
			}
		})
	}
}
