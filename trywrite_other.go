//go:build !unix

package quart

import "syscall"

func rawConnOf(*connState) syscall.RawConn { return nil }

func tryWrite(*connState, syscall.RawConn, []byte) (n int, ok bool, err error) { return 0, false, nil }
