//go:build unix

package quart

import "syscall"

// openNonblock keeps open from waiting for the writer of a pipe.
const openNonblock = syscall.O_NONBLOCK
