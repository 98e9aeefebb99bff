//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench/films reads processor times from /proc: it needs Linux")
	os.Exit(1)
}
