//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench/http2 pins threads, and reads memory from /proc: it needs Linux")
	os.Exit(1)
}
