package batch_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goquart/quart/batch"
)

// callersOf runs do b.N times by that many goroutines.
func callersOf(b *testing.B, callers int, do func(i int)) {
	var n atomic.Int64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
				do(int(i))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
}

// BenchmarkDo is the price of batching itself: run costs nothing, or 20 us of CPU.
func BenchmarkDo(b *testing.B) {
	for _, price := range []time.Duration{0, 20 * time.Microsecond} {
		for _, callers := range []int{1, 20, 200} {
			name := fmt.Sprintf("%d/run=%v", callers, price)
			if callers == 1 {
				name = fmt.Sprintf("alone/run=%v", price)
			}
			b.Run(name, func(b *testing.B) {
				double := doubler()
				x := batch.New(func(ctx context.Context, in []int) ([]int, error) {
					spin(price)
					return double(ctx, in)
				}, batch.Config{})
				benchDo(b, x, callers)
			})
		}
	}
}

func benchDo(b *testing.B, x *batch.Batch[int, int], callers int) {
	ctx := b.Context() // one that can end, as in a server
	callersOf(b, callers, func(i int) {
		if out, err := x.Do(ctx, i); out != 2*i || err != nil {
			b.Errorf("Do(%d) = %d, %v", i, out, err)
		}
	})
	s := x.Stats()
	b.ReportMetric(float64(s.Items)/float64(s.Batches), "items/batch")
}

func spin(d time.Duration) {
	for start := time.Now(); d > 0 && time.Since(start) < d; {
	}
}

// BenchmarkTrip is a service behind one connection that takes 25 us for each
// request, however many items are in it: about 50 us per round trip. It compares
// Do to the usual goroutine that reads a channel, and to no batching.
func BenchmarkTrip(b *testing.B) {
	for _, callers := range []int{1, 20, 200} {
		b.Run(fmt.Sprintf("%d/batch", callers), func(b *testing.B) {
			trip, double := roundTrip(b, 25*time.Microsecond), doubler()
			x := batch.New(func(ctx context.Context, in []int) ([]int, error) {
				trip()
				return double(ctx, in)
			}, batch.Config{})
			benchDo(b, x, callers)
		})
		b.Run(fmt.Sprintf("%d/channel", callers), func(b *testing.B) {
			trip := roundTrip(b, 25*time.Microsecond)
			do := channelBatch(b, trip)
			ctx := b.Context()
			callersOf(b, callers, func(i int) {
				if out := do(ctx, i); out != 2*i {
					b.Errorf("Do(%d) = %d", i, out)
				}
			})
		})
		b.Run(fmt.Sprintf("%d/single", callers), func(b *testing.B) {
			trip := roundTrip(b, 25*time.Microsecond)
			var mu sync.Mutex
			callersOf(b, callers, func(int) {
				mu.Lock()
				defer mu.Unlock()
				trip()
			})
		})
	}
}

// channelBatch is what one writes without this package: a channel, a goroutine
// that takes what is there, and a channel per answer.
func channelBatch(b *testing.B, trip func()) func(context.Context, int) int {
	type request struct {
		in    int
		reply chan int
	}
	requests := make(chan request, 4096)
	b.Cleanup(func() { close(requests) })
	go func() {
		var gathered []request
		for first := range requests {
			gathered = append(gathered[:0], first)
			for more := true; more && len(gathered) < 128; {
				select {
				case r, ok := <-requests:
					if more = ok; ok {
						gathered = append(gathered, r)
					}
				default:
					more = false
				}
			}
			trip()
			for _, r := range gathered {
				r.reply <- 2 * r.in
			}
		}
	}()
	return func(ctx context.Context, in int) int {
		r := request{in, make(chan int, 1)}
		requests <- r
		select {
		case out := <-r.reply:
			return out
		case <-ctx.Done():
			return 0
		}
	}
}

// roundTrip returns a request to a server on loopback, for one goroutine at a time.
func roundTrip(b *testing.B, price time.Duration) func() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		defer ln.Close()
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buf := make([]byte, 16)
		for {
			if _, err := io.ReadFull(conn, buf); err != nil {
				return
			}
			spin(price)
			if _, err := conn.Write(buf); err != nil {
				return
			}
		}
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	buf := make([]byte, 16)
	return func() {
		if _, err := conn.Write(buf); err != nil {
			b.Error(err)
		}
		if _, err := io.ReadFull(conn, buf); err != nil {
			b.Error(err)
		}
	}
}
