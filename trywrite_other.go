//go:build !unix

package quart

// trier writes to a socket without waiting: not on this system.
type trier struct{}

func newTrier(*connState) *trier { return new(trier) }

func (*trier) write([]byte) (n int, ok bool, err error) { return 0, false, nil }
