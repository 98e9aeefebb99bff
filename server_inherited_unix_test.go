//go:build unix

package quart_test

import (
	"context"
	"net"
	"syscall"
	"testing"

	"github.com/goquart/quart"
)

// TestListenInherited: a socket that another process opened is named by its descriptor; next to it a port of IPv6, if the machine has it.
func TestListenInherited(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, c.RemoteIP().String()) })
	theirs := listen(t)
	file, err := theirs.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(int(file.Fd())) // Listen closes it
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	theirs.Close() // the copies still accept
	addrs := map[string]string{theirs.Addr().String(): "127.0.0.1"}
	var more []string
	if six, err := net.Listen("tcp", "[::1]:0"); err == nil {
		more = append(more, six.Addr().String())
		addrs[six.Addr().String()] = "::1"
		six.Close()
	}
	started := make(chan struct{})
	app.Go(func(context.Context) error { close(started); return nil })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Listen(ctx, "fd:"+itoa(fd), more...) }()
	select {
	case <-started:
	case err := <-done:
		t.Fatal(err)
	}
	for addr, want := range addrs {
		s := &served{t: t, addr: addr}
		s.get("/", "Connection: close").want(t, 200, want)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
