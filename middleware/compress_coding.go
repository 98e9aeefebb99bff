package middleware

import (
	"fmt"
	"io"

	"github.com/goquart/quart"
	"github.com/goquart/quart/pool"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/molecule-man/go-brrr"
)

// compressWindow bounds what an encoder remembers, and with it its memory.
const (
	compressWindowBits = 18
	compressWindow     = 1 << compressWindowBits
)

// coding is a content coding at one level, with the encoders that wait for work.
type coding struct {
	name []byte
	make func() zwriter
	idle *pool.Pool[encoder]
	wrap func(io.Writer) quart.StreamFilter
}

// zwriter is what the three libraries' encoders have in common.
type zwriter interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

func newCoding(name string, cfg *CompressConfig) *coding {
	k := &coding{name: []byte(name), idle: pool.New((*encoder).reset)}
	k.wrap = k.filter
	switch name {
	case "zstd":
		level := zstd.EncoderLevelFromZstd(checkLevel(name, cfg.ZstdLevel, 1, 9))
		k.make = func() zwriter {
			return must(zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithWindowSize(compressWindow),
				zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false)))
		}
	case "br":
		level := checkLevel(name, cfg.BrotliLevel, 3, 6)
		k.make = func() zwriter {
			return must(brrr.NewWriterOptions(nil, level, brrr.WriterOptions{LGWin: compressWindowBits}))
		}
	case "gzip":
		level := checkLevel(name, cfg.GzipLevel, 3, 9)
		k.make = func() zwriter { return must(gzip.NewWriterLevel(nil, level)) }
	default:
		panic(fmt.Sprintf("middleware: Compress with encoding %q, which is none of zstd, br and gzip", name))
	}
	return k
}

func checkLevel(name string, level, def, highest int) int {
	if level == 0 {
		return def
	}
	if level < 0 || level > highest {
		panic(fmt.Sprintf("middleware: Compress with level %d of %s, which goes from 1 to %d", level, name, highest))
	}
	return level
}

// must is for options that have been checked.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// encoder is one encoder and where it writes to. It is the filter of a stream, too.
type encoder struct {
	zwriter
	out  sink
	home *coding
}

// sink stands between an encoder and its output, so that an idle one refers to nobody's buffer or connection.
type sink struct{ w io.Writer }

func (s *sink) Write(p []byte) (int, error) { return s.w.Write(p) }

func (e *encoder) reset() { e.out.w = nil }

func (k *coding) acquire(w io.Writer) *encoder {
	e := k.idle.Get()
	if e.zwriter == nil {
		e.zwriter, e.home = k.make(), k
	}
	e.out.w = w
	return e
}

// encode appends src, compressed, to dst.
func (k *coding) encode(dst *pool.Buffer, src []byte) {
	e := k.acquire(dst)
	switch z := e.zwriter.(type) {
	case *zstd.Encoder:
		dst.B = z.EncodeAll(src, dst.B)
	case *brrr.Writer:
		z.ResetWithSizeHint(&e.out, uint(len(src)))
		e.whole(src)
	default:
		z.Reset(&e.out)
		e.whole(src)
	}
	k.idle.Put(e)
}

// whole writes src and the end. Nothing fails where the output is a buffer.
func (e *encoder) whole(src []byte) {
	_, _ = e.zwriter.Write(src)
	_ = e.zwriter.Close()
}

// filter makes the filter of a stream that goes to w.
func (k *coding) filter(w io.Writer) quart.StreamFilter {
	e := k.acquire(w)
	e.zwriter.Reset(&e.out)
	return e
}

// Close ends a stream and gives the encoder back.
func (e *encoder) Close() error {
	err := e.zwriter.Close()
	e.home.idle.Put(e)
	return err
}
