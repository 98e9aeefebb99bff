package middleware

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goquart/quart"
	"github.com/goquart/quart/pool"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/molecule-man/go-brrr"
)

// DecompressConfig configures Decompress.
type DecompressConfig struct {
	// Encodings are those that are taken, in the order in which a 415 names them: "zstd", "br" and "gzip". Default: all three.
	Encodings []string
	// MaxSize is the most bytes that a body may decode to. It stands next to the body limit of the route, which holds for the bytes sent and
	// for the decoded ones alike. Default: that limit alone.
	MaxSize int64
	// MaxRatio is how many times larger than what was sent a decoded body may be, beyond its first 64 KiB. Default: 100; negative: no
	// limit. Text compresses by 3 to 20, a bomb by 1000 and more.
	MaxRatio int
	// MaxWindow is the most bytes that a zstd or br body may ask its decoder to remember. Default: 8 MiB, what RFC 9659 asks for. A decoder
	// takes this much as soon as a body claims it (br: twice as much), and has at most 0.4 MiB besides.
	MaxWindow int
}

// Decompress decodes request bodies with a Content-Encoding of zstd, br or gzip: Body, BodyReader, Form and Bind see what the client
// encoded, and the header field is gone. Content-Length stays that of the bytes sent. Without Decompress handlers get the bytes
// as they came; it is not for every app, because a small request then makes large work.
//
// A body is decoded as it is read, so nothing is done for one that nobody reads. Errors, when it is read: quart.ErrTooLarge and others with the
// status 413 beyond the limits; 400 for what is cut short, corrupt or followed by other bytes. An unknown coding, or more
// than one, is answered 415 with the codings that are taken in Accept-Encoding (RFC 9110, sections 12.5.3 and 15.5.16). It stands
// outside of all that reads bodies. 0 allocations once buffers are warm, but for br's and zstd's own.
func Decompress(cfg DecompressConfig) quart.Middleware {
	d := newDecompressor(&cfg)
	return func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if err := d.request(c); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// decompressor is a checked DecompressConfig.
type decompressor struct {
	decodings   []*decoding
	maxSize     int64
	maxRatio    int64
	maxWindow   int
	unsupported error
}

const (
	defaultMaxRatio  = 100
	defaultMaxWindow = 8 << 20
	ratioFrom        = 64 << 10
)

func newDecompressor(cfg *DecompressConfig) *decompressor {
	d := &decompressor{maxSize: cfg.MaxSize, maxRatio: int64(cfg.MaxRatio), maxWindow: cfg.MaxWindow}
	if cfg.MaxRatio == 0 {
		d.maxRatio = defaultMaxRatio
	}
	if cfg.MaxWindow == 0 {
		d.maxWindow = defaultMaxWindow
	}
	if cfg.MaxSize < 0 || d.maxWindow < zstd.MinWindowSize {
		panic(fmt.Sprintf("middleware: Decompress with MaxSize %d and MaxWindow %d: at least 0 and %d", cfg.MaxSize, d.maxWindow, zstd.MinWindowSize))
	}
	names := cfg.Encodings
	if len(names) == 0 {
		names = []string{"zstd", "br", "gzip"}
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			panic(fmt.Sprintf("middleware: Decompress with encoding %q twice", name))
		}
		d.decodings = append(d.decodings, d.decoding(name))
	}
	d.unsupported = &quart.HTTPError{
		Status: 415, Detail: "the request body has a Content-Encoding that is not taken here",
		Header: [][2]string{{"Accept-Encoding", strings.Join(names, ", ")}},
	}
	return d
}

// request puts a decoder in front of c's body, if it has a coding.
func (d *decompressor) request(c *quart.Ctx) error {
	h := &c.Fast().Request.Header
	lines := h.PeekAll("Content-Encoding")
	if len(lines) == 0 {
		return nil
	}
	value := bytes.Trim(lines[0], " \t")
	if len(lines) > 1 {
		return d.unsupported
	}
	if len(value) == 0 || equalFold(value, "identity") {
		return nil
	}
	for _, k := range d.decodings {
		if equalFold(value, k.name) || k.name == "gzip" && equalFold(value, "x-gzip") {
			if quart.FilterBody(c, k.wrap) {
				h.Del("Content-Encoding")
			}
			return nil
		}
	}
	return d.unsupported
}

// decoding is a content coding, with the decoders that wait for work.
type decoding struct {
	limits *decompressor
	name   string
	idle   *pool.Pool[decoder]
	wrap   func(io.Reader) io.Reader
}

func (d *decompressor) decoding(name string) *decoding {
	switch name {
	case "zstd", "br", "gzip":
	default:
		panic(fmt.Sprintf("middleware: Decompress with encoding %q, which is none of zstd, br and gzip", name))
	}
	k := &decoding{limits: d, name: name, idle: pool.New((*decoder).reset)}
	k.wrap = func(r io.Reader) io.Reader {
		z := k.idle.Get()
		z.home, z.wire.r = k, r
		return z
	}
	return k
}

// decoder reads what a wire's bytes decode to, under the limits of its home.
type decoder struct {
	home *decoding
	wire wire
	z    io.Reader // nil until the first use
	n    int64     // bytes decoded
	err  error     // why there is no more
	open bool
}

func (z *decoder) reset() {
	z.wire = wire{}
	z.n, z.err, z.open = 0, nil, false
}

// Close gives the decoder back, when the request is over.
func (z *decoder) Close() error {
	z.home.idle.Put(z)
	return nil
}

// Read implements io.Reader. Errors stay.
func (z *decoder) Read(p []byte) (int, error) {
	if z.err == nil && !z.open {
		z.err = z.begin()
	}
	if z.err != nil || len(p) == 0 {
		return 0, z.err
	}
	n, err := z.z.Read(p)
	z.n += int64(n)
	if err != nil {
		z.err = z.end(err)
	}
	limits := z.home.limits
	switch {
	case limits.maxSize > 0 && z.n > limits.maxSize:
		z.err = quart.ErrTooLarge
	case limits.maxRatio > 0 && z.n > ratioFrom && z.n > limits.maxRatio*z.wire.n:
		z.err = errExpands
	default:
		return n, z.err
	}
	return 0, z.err
}

var (
	errExpands error = &quart.HTTPError{Status: 413, Detail: "the request body decodes to too many times its size"}
	errWindow  error = &quart.HTTPError{Status: 413, Detail: "the request body was encoded with too large a window"}
)

// begin readies a decoder for the first byte, which must be there: a body of no bytes decodes to none.
func (z *decoder) begin() error {
	if err := z.wire.peek(); err != nil {
		return err
	}
	z.open = true
	var err error
	switch z.home.name {
	case "gzip":
		err = z.gzip().Reset(&z.wire)
	case "zstd":
		err = z.zstd().Reset(&z.wire)
	case "br":
		if 1<<brotliWindow(z.wire.first[0]) > z.home.limits.maxWindow {
			return errWindow
		}
		z.brotli().Reset(&z.wire)
	}
	if err != nil {
		return z.corrupt(err)
	}
	return nil
}

func (z *decoder) gzip() *gzip.Reader {
	if z.z == nil {
		z.z = new(gzip.Reader)
	}
	return z.z.(*gzip.Reader)
}

func (z *decoder) zstd() *zstd.Decoder {
	if z.z == nil {
		z.z = must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(uint64(z.home.limits.maxWindow))))
	}
	return z.z.(*zstd.Decoder)
}

func (z *decoder) brotli() *brrr.Reader {
	if z.z == nil {
		z.z = brrr.NewReader(nil)
	}
	return z.z.(*brrr.Reader)
}

// brotliWindow reads the binary logarithm of the window from the first byte of a brotli stream (RFC 7932, section 9.1). Large windows, an
// extension, are beyond all limits.
func brotliWindow(b byte) int {
	if b&1 == 0 {
		return 16
	}
	if n := b >> 1 & 7; n != 0 {
		return 17 + int(n)
	}
	switch n := b >> 4 & 7; n {
	case 0:
		return 17
	case 1:
		return 62
	default:
		return 8 + int(n)
	}
}

// end turns what a decoder ended with into what the body's reader gets.
func (z *decoder) end(err error) error {
	if err != io.EOF {
		return z.corrupt(err)
	}
	if z.home.name != "br" { // the others read on for another member or frame
		return io.EOF
	}
	if err := z.wire.peek(); err != io.EOF {
		return z.corrupt(err)
	}
	return io.EOF
}

func (z *decoder) corrupt(err error) error {
	switch {
	case z.wire.err != nil && z.wire.err != io.EOF:
		return z.wire.err // the body itself failed
	case err == zstd.ErrWindowSizeExceeded || err == zstd.ErrDecoderSizeExceeded:
		return errWindow
	}
	return &quart.HTTPError{Status: 400, Detail: "the request body is incomplete or no valid " + z.home.name, Err: err}
}

// wire counts the bytes of the body as it was sent.
type wire struct {
	r      io.Reader
	n      int64
	err    error
	first  [1]byte // of the next read, when peeked
	peeked bool
}

func (w *wire) Read(p []byte) (int, error) {
	if w.peeked && len(p) > 0 {
		p[0], w.peeked = w.first[0], false
		return 1, nil
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.r.Read(p)
	w.n += int64(n)
	w.err = err
	return n, err
}

// peek reads one byte ahead.
func (w *wire) peek() error {
	_, err := io.ReadFull(w, w.first[:])
	w.peeked = err == nil
	return err
}
