package wsproto_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goquart/quart/internal/wsproto"
)

// document returns JSON of about n bytes, as APIs send it.
func document(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("apple banana cherry quince orange lemon plum peach grape melon fig date kiwi mango papaya")
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"id":%d,"name":"%s %s","rating":%.2f,"tags":["%s","%s"],"fresh":%v},`, 1000+i,
			words[r.IntN(len(words))], words[r.IntN(len(words))], r.Float64()*5, words[r.IntN(len(words))], words[r.IntN(len(words))], r.IntN(2) == 0)
	}
	return b.String()[:n]
}

func BenchmarkNext(b *testing.B) {
	for _, bm := range []struct {
		name string
		in   []byte
		n    int
	}{
		{"64B", text(strings.Repeat("x", 64)), 1},
		{"64B-burst16", []byte(strings.Repeat(string(text(strings.Repeat("x", 64))), 16)), 16},
		{"64B-utf8", text(strings.Repeat("ü", 32)), 1},
		{"ping", frame(fin|9, "12345678"), 1},
		{"1KiB", text(document(1 << 10)), 1},
		{"64KiB", text(document(64 << 10)), 1},
		{"64KiB-binary", binaryF(document(64 << 10)), 1},
		{"64KiB-utf8", text(strings.Repeat("über", 64<<10/5)), 1},
		{"64KiB-fragments", join(frame(1, document(32<<10)), frame(fin, document(32<<10))), 1},
		{"1MiB", text(document(1 << 20)), 1},
	} {
		b.Run(bm.name, func(b *testing.B) {
			d := newDecoder(b, 0, plain)
			b.ReportAllocs()
			b.SetBytes(int64(len(bm.in)))
			for b.Loop() {
				events := 0
				for in := bm.in; len(in) > 0; {
					in = put(d, in)
					for {
						e, err := d.Next()
						if err != nil {
							b.Fatal(err)
						}
						if e.Kind == wsproto.None {
							break
						}
						events++
						d.More()
					}
				}
				d.Shrink()
				if events != bm.n {
					b.Fatal(events)
				}
			}
			if bm.n > 1 {
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*bm.n), "ns/msg")
			}
		})
	}
}

func BenchmarkUnmask(b *testing.B) {
	for _, n := range []int{8, 64, 1 << 10, 64 << 10} {
		p := []byte(strings.Repeat("x", n))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				wsproto.Unmask(p, 0x12345678)
			}
		})
	}
}

func BenchmarkText(b *testing.B) {
	for _, bm := range []struct{ name, s string }{{"umlauts", "über"}, {"chinese", "世界你好"}, {"german", "Falsches Üben von Xylophonmusik quält jeden größeren Zwerg. "}} {
		for _, n := range []int{64, 64 << 10} {
			p := []byte(strings.Repeat(bm.s, n/len(bm.s)))
			b.Run(fmt.Sprintf("%s/%d", bm.name, n), func(b *testing.B) {
				b.SetBytes(int64(len(p)))
				for b.Loop() {
					wsproto.ValidText(p)
				}
			})
			b.Run(fmt.Sprintf("%s/%d/unicode-utf8", bm.name, n), func(b *testing.B) {
				b.SetBytes(int64(len(p)))
				for b.Loop() {
					utf8.Valid(p)
				}
			})
		}
	}
}

func BenchmarkDeflate(b *testing.B) {
	for _, n := range []int{64, 256, 1 << 10, 64 << 10} {
		for _, bits := range []uint8{15, 9} {
			doc := []byte(document(n))
			b.Run(fmt.Sprintf("%d/bits%d", n, bits), func(b *testing.B) {
				var dst []byte
				b.ReportAllocs()
				b.SetBytes(int64(n))
				for b.Loop() {
					dst = wsproto.AppendDeflated(dst[:0], doc, bits)
				}
				b.ReportMetric(float64(len(dst)), "B")
			})
		}
	}
}

func BenchmarkDeflater(b *testing.B) {
	for _, n := range []int{64, 256, 1 << 10} {
		doc := []byte(document(64 << 10))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var d wsproto.Deflater
			d.Init(15)
			var dst []byte
			total, i := 0, 0
			b.ReportAllocs()
			b.SetBytes(int64(n))
			for b.Loop() {
				at := i * n % (len(doc) - n)
				dst = d.Append(dst[:0], doc[at:at+n])
				total += len(dst)
				i++
			}
			b.ReportMetric(float64(total)/float64(i), "B")
		})
	}
}

func BenchmarkInflate(b *testing.B) {
	for _, n := range []int{256, 1 << 10, 64 << 10} {
		for _, takeover := range []bool{false, true} {
			p := deflating
			p.ClientNoTakeover = !takeover
			in := frame(fin|rsv1|1, string(wsproto.AppendDeflated(nil, []byte(document(n)), 15)))
			b.Run(fmt.Sprintf("%d/takeover=%v", n, takeover), func(b *testing.B) {
				d := newDecoder(b, 0, p)
				b.ReportAllocs()
				b.SetBytes(int64(n))
				for b.Loop() {
					for in := in; len(in) > 0; {
						in = put(d, in)
						if e, err := d.Next(); err != nil || e.Kind != wsproto.None && len(e.Data) != n {
							b.Fatal(err)
						}
					}
					d.Shrink()
				}
			})
		}
	}
}
