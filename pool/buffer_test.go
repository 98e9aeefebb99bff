package pool_test

import (
	"bytes"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/goquart/quart/pool"
)

func TestBufferClasses(t *testing.T) {
	tests := []struct{ size, toHold, ofCap int }{
		{-1, 0, -1},
		{0, 0, -1},
		{1, 0, -1},
		{511, 0, -1},
		{512, 0, 0},
		{513, 1, 0},
		{896, 1, 0},
		{1023, 1, 0},
		{1024, 1, 1},
		{1025, 2, 1},
		{4096, 3, 3},
		{1<<20 - 1, 11, 10},
		{1 << 20, 11, 11},
	}
	for _, tt := range tests {
		if got := pool.ClassToHold(tt.size); got != tt.toHold {
			t.Errorf("class to hold %d bytes = %d, want %d", tt.size, got, tt.toHold)
		}
		if got := pool.ClassOfCap(tt.size); got != tt.ofCap {
			t.Errorf("class of capacity %d = %d, want %d", tt.size, got, tt.ofCap)
		}
	}
	if got := pool.ClassOfCap(pool.MaxBuffer + 1); got != -1 {
		t.Errorf("class of capacity MaxBuffer+1 = %d, want -1", got)
	}
}

func TestGetBufferCapacity(t *testing.T) {
	sizes := []int{-1, 0, 1, 511, 512, 513, 4000, 4096, 4097, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3 << 20}
	for range 2 { // the second round finds idle buffers
		for _, n := range sizes {
			b := pool.GetBuffer(n)
			if b.Len() != 0 || cap(b.B) < n || cap(b.B) < pool.MinBuffer {
				t.Errorf("GetBuffer(%d) has length %d and capacity %d", n, b.Len(), cap(b.B))
			}
			b.B = b.B[:cap(b.B)]
			pool.PutBuffer(b)
		}
	}
}

func TestBufferWriter(t *testing.T) {
	b := pool.GetBuffer(0)
	defer pool.PutBuffer(b)
	if n, err := b.Write([]byte("id=")); n != 3 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	b.B = strconv.AppendInt(b.B, 995, 10)
	if err := b.WriteByte(' '); err != nil {
		t.Errorf("WriteByte = %v", err)
	}
	if n, err := b.WriteString("Heat"); n != 4 || err != nil {
		t.Errorf("WriteString = %d, %v", n, err)
	}
	if want := "id=995 Heat"; string(b.B) != want || b.Len() != len(want) {
		t.Errorf("B = %q with Len %d, want %q", b.B, b.Len(), want)
	}
	before := cap(b.B)
	b.Reset()
	if b.Len() != 0 || cap(b.B) != before {
		t.Errorf("after Reset: Len %d and capacity %d, want 0 and %d", b.Len(), cap(b.B), before)
	}
}

// drainBuffers leaves no idle buffer behind that a test could mistake for its own.
func drainBuffers() {
	runtime.GC() // the first moves what is idle to the victim cache, the second drops that
	runtime.GC()
}

func TestPutBufferFilesByCapacity(t *testing.T) {
	skipUnlessReused(t)
	onOneP(t)
	tests := []struct {
		name     string
		capacity int // what PutBuffer gets
		get      int // what is asked for next
		reused   bool
	}{
		{"own class", 512, 512, true},
		{"grown to the next class", 4096, 4096, true},
		{"a larger class before a new one", 64 << 10, 1, true},
		{"odd capacity counts as the class below", 7168, 4096, true},
		{"odd capacity does not serve the class above", 7168, 5000, false},
		{"too small a class", 2048, 4096, false},
		{"largest class", pool.MaxBuffer, pool.MaxBuffer, true},
		{"below the smallest class", 511, 1, false},
		{"above the largest class", pool.MaxBuffer + 1, 1, false},
		{"no memory at all", 0, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			drainBuffers()
			b := pool.GetBuffer(0)
			b.B = make([]byte, tt.capacity)
			pool.PutBuffer(b)
			got := pool.GetBuffer(tt.get)
			if (got == b) != tt.reused {
				t.Errorf("GetBuffer(%d) has capacity %d, reused is %t, want %t", tt.get, cap(got.B), got == b, tt.reused)
			}
			if got.Len() != 0 || cap(got.B) < tt.get {
				t.Errorf("GetBuffer(%d) has length %d and capacity %d", tt.get, got.Len(), cap(got.B))
			}
		})
	}
}

func TestBufferAllocs(t *testing.T) {
	skipUnlessReused(t)
	page := bytes.Repeat([]byte("x"), 10_000)
	tests := []struct {
		name    string
		get     int
		content []byte
	}{
		{"fits", 512, page[:500]},
		{"full", 4096, page[:4096]},
		{"grown by one class", 512, page[:600]},
		{"grown by many classes", 0, page},
		{"largest", pool.MaxBuffer, page},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cycle := func() {
				b := pool.GetBuffer(tt.get)
				b.Write(tt.content)
				b.WriteString("")
				pool.PutBuffer(b)
			}
			cycle()
			if got := testing.AllocsPerRun(1000, cycle); got != 0 {
				t.Errorf("%v allocs, want 0", got)
			}
		})
	}
}

// TestBufferConcurrent fails when two goroutines hold one buffer.
func TestBufferConcurrent(t *testing.T) {
	var wg sync.WaitGroup
	for id := range 8 {
		wg.Go(func() {
			mine := bytes.Repeat([]byte{byte('a' + id)}, 300<<id) // each grows to another class
			for range 100 {
				b := pool.GetBuffer(100 << id)
				b.Write(mine[:len(mine)/2])
				runtime.Gosched()
				b.Write(mine[len(mine)/2:])
				if !bytes.Equal(b.B, mine) {
					t.Errorf("goroutine %d finds foreign bytes in its buffer", id)
					return
				}
				pool.PutBuffer(b)
			}
		})
	}
	wg.Wait()
}
