//go:build linux

package proc_test

import (
	"testing"

	"github.com/goquart/quart/bench/internal/proc"

	"golang.org/x/sys/unix"
)

// TestPeak shows that memory which was given back is still in the peak, and that the peak starts anew. The memory is the system's: what
// the Go runtime keeps is not to be told from here.
func TestPeak(t *testing.T) {
	question := func(name string) int64 {
		t.Helper()
		v, err := proc.Answer(name, "")
		if err != nil {
			t.Fatal(err)
		}
		return v[0]
	}
	const size = 64 << 20
	before := question("reset")
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < size; i += 4096 {
		b[i] = 1
	}
	if got := question("memory") - before; got < size/2 {
		t.Errorf("%d more bytes are resident, want about %d", got, size)
	}
	if err := unix.Munmap(b); err != nil {
		t.Fatal(err)
	}
	if got := question("memory") - before; got > size/2 {
		t.Errorf("%d bytes are still resident", got)
	}
	if peak := question("peak") - before; peak < size/2 {
		t.Errorf("the peak is %d bytes up, want about %d", peak, size)
	}
	question("reset")
	if peak := question("peak") - before; peak > size/2 {
		t.Errorf("the peak is still %d bytes up", peak)
	}
}
