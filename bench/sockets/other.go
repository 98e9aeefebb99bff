//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench/sockets pins threads, and reads sockets by epoll and memory from /proc: it needs Linux")
	os.Exit(1)
}
