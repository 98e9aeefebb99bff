package wsproto_test

import (
	"fmt"
	"testing"
	stdflate "compress/flate"
	"bytes"

	"github.com/klauspost/compress/flate"
)

func BenchmarkZStateless(b *testing.B) {
	for _, n := range []int{64, 256, 1 << 10, 64 << 10} {
		for _, dict := range []int{0, 2048, 8192} {
			doc := []byte(document(80<<10))
			b.Run(fmt.Sprintf("%d/dict%d", n, dict), func(b *testing.B) {
				var dst bytes.Buffer
				b.ReportAllocs()
				b.SetBytes(int64(n))
				for b.Loop() {
					dst.Reset()
					flate.StatelessDeflate(&dst, doc[dict:dict+n], false, doc[:dict])
				}
				b.ReportMetric(float64(dst.Len()), "B")
			})
		}
	}
}
func BenchmarkZStd(b *testing.B) {
	for _, n := range []int{64, 256, 1 << 10, 64 << 10} {
			doc := []byte(document(n))
			b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
				var dst bytes.Buffer
				b.ReportAllocs()
				b.SetBytes(int64(n))
				w, _ := stdflate.NewWriter(&dst, 1)
				for b.Loop() {
					dst.Reset()
					w.Reset(&dst)
					w.Write(doc)
					w.Flush()
				}
				b.ReportMetric(float64(dst.Len()), "B")
			})
	}
}
