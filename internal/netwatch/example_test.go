//go:build unix && !aix

package netwatch_test

import (
	"fmt"
	"net"
	"syscall"

	"github.com/goquart/quart/internal/netwatch"
)

// A job is what a client waits for.
type job struct{ cancelled chan struct{} }

func (j *job) PeerGone() { close(j.cancelled) }

func Example() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		panic(err)
	}
	conn, err := ln.Accept()
	if err != nil {
		panic(err)
	}
	defer conn.Close()

	var w netwatch.Watcher
	defer w.Close()
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		panic(err)
	}
	j := &job{cancelled: make(chan struct{})}
	h, err := w.Watch(raw, j)
	if err != nil {
		panic(err)
	}

	client.Close()
	<-j.cancelled
	fmt.Println("the client has left; to forget it was in time:", w.Forget(h))
	// Output: the client has left; to forget it was in time: false
}
