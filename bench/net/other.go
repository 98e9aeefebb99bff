//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench/net pins threads and reads sockets by epoll: it needs Linux")
	os.Exit(1)
}
