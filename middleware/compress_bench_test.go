package middleware_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	kgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/molecule-man/go-brrr"
)

// BenchmarkCompress compresses a list of films in JSON, whose bytes it reports before and after.
func BenchmarkCompress(b *testing.B) {
	for _, size := range []int{2 << 10, 16 << 10, 128 << 10} {
		for _, coding := range append([]string{"identity"}, codingNames...) {
			b.Run(fmt.Sprintf("%s/%dKiB", coding, size>>10), func(b *testing.B) {
				body := films(size)
				app := quart.New(quart.Config{})
				app.Get("/", func(c *quart.Ctx) error { return c.Text(200, body) }).Use(middleware.Compress(middleware.CompressConfig{}))
				s := newServed(app, "GET", "/", "Accept-Encoding", coding)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				sent := 0
				for b.Loop() {
					s.h(&s.fc)
					sent = len(s.fc.Response.Body())
					buf := s.fc.Response.SwapBody(nil) // stays, as between the requests of a connection
					s.fc.Response.Reset()
					s.fc.Response.SwapBody(buf[:0])
				}
				b.ReportMetric(float64(sent), "sent")
			})
		}
	}
}

// BenchmarkEncoders is what the defaults of CompressConfig were chosen by: time and size of the candidates, one encoder used again and again.
func BenchmarkEncoders(b *testing.B) {
	type encoder interface {
		io.WriteCloser
		Reset(io.Writer)
	}
	type candidate struct {
		name string
		encoder
	}
	var list []candidate
	add := func(name string, e encoder, err error) {
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, candidate{name, e})
	}
	std, err := gzip.NewWriterLevel(nil, 6)
	add("gzip6-std", std, err)
	for _, level := range []int{1, 3, 5, 6} {
		z, err := kgzip.NewWriterLevel(nil, level)
		add(fmt.Sprintf("gzip%d", level), z, err)
	}
	for _, level := range []int{1, 2, 3, 4, 5} {
		z, err := brrr.NewWriterOptions(nil, level, brrr.WriterOptions{LGWin: 18})
		add(fmt.Sprintf("br%d", level), z, err)
	}
	for _, level := range []int{1, 3, 6} {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(256<<10))
		add(fmt.Sprintf("zstd%d", level), z, err)
	}
	for _, size := range []int{2 << 10, 16 << 10, 128 << 10} {
		for _, c := range list {
			b.Run(fmt.Sprintf("%dKiB/%s", size>>10, c.name), func(b *testing.B) {
				body := []byte(films(size))
				var out bytes.Buffer
				b.SetBytes(int64(size))
				for b.Loop() {
					out.Reset()
					c.Reset(&out)
					c.Write(body)
					c.Close()
				}
				b.ReportMetric(float64(out.Len()), "sent")
			})
		}
	}
}

// films is about what an API answers: regular, with numbers and words that differ.
func films(size int) string {
	words := strings.Fields("heat ran stalker paths of glory rear window close up la haine yi playtime the third man drama crime war noir comedy")
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string { return words[r.IntN(len(words))] }
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `{"id":%d,"title":"%s %s %s","year":%d,"rating":%.1f,"votes":%d,"genres":[%q,%q]},`,
			i, word(), word(), word(), 1920+r.IntN(100), r.Float64()*10, r.IntN(1e6), word(), word())
	}
	return b.String()[:size]
}
