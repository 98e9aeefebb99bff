package middleware

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/goquart/quart"
	"github.com/goquart/quart/pool"
	"github.com/valyala/fasthttp"
)

// CompressConfig configures Compress.
type CompressConfig struct {
	// Encodings are those that the server speaks, its favourite first: "zstd", "br" and "gzip". Of those that a request likes
	// equally the first is taken. Default: zstd, br, gzip. At the default levels zstd takes no longer than gzip and sends up to a tenth
	// less; br takes twice the time to send up to 5 % less again; gzip is for clients that know neither (BenchmarkEncoders).
	Encodings []string
	// The levels trade time and memory for size. 0 is the default, chosen for bodies that are made for each request; higher ones than these
	// take tens of MiB for each encoder, and are for files that are compressed once.
	ZstdLevel   int // 1 to 9, zstd's scale, in three steps: 1-2, 3-5 and 6-9. Default: 1
	BrotliLevel int // 1 to 6. Default: 3
	GzipLevel   int // 1 to 9. Default: 3
	// MinSize is the length in bytes from which on a body is compressed. Default: 1024, about what fits into one packet anyway;
	// negative: any but an empty one. The length of a stream is not known, and it is compressed.
	MinSize int
	// Types are the content types that are compressed, in the place of the default: "application/json", "text/*", or "*+json" for
	// a suffix. Wildcards cover no event streams, nor images, audio, video, fonts and archives that are compressed already.
	Types []string
	Skip  func(c *quart.Ctx) bool // asked before the handler runs; true: the response stays as it is
}

// compressibleTypes is the default of CompressConfig.Types.
var compressibleTypes = []string{
	"text/*", "*+json", "*+xml", "*+yaml",
	"application/json", "application/x-ndjson", "application/jsonl", "application/xml", "application/yaml", "application/toml",
	"application/javascript", "application/x-javascript", "application/ecmascript", "application/wasm", "application/graphql",
	"application/x-www-form-urlencoded", "application/rtf", "application/sql", "application/vnd.ms-fontobject",
	"font/ttf", "font/otf", "font/collection", "image/bmp", "image/x-icon", "image/vnd.microsoft.icon",
}

// Compress sends response bodies in the content coding that the request's Accept-Encoding prefers (RFC 9110, section 12.5.3): zstd, br or
// gzip. Where it accepts none of them, or forbids even identity, the body is sent as it is.
//
// What can be compressed by its type has Vary: Accept-Encoding, compressed or not. Left alone are responses with a Content-Encoding, with
// Cache-Control: no-transform, with a range (206), event streams, bodies under MinSize, and those that would not become smaller. A
// compressed response has no Accept-Ranges and no digest of the original, and a strong ETag becomes weak, as the bytes are others: If-None-Match
// compares weakly and still finds it, If-Match does not (a client that updates by If-Match needs a resource out of Compress's reach).
// HEAD is answered with the header fields of GET, for which a buffered body is compressed as well.
//
// A stream is compressed as it is written; each Flush of its producer sends all that was written so far in a form that the client can decode.
//
// A secret and something an attacker chooses must not be compressed together where the attacker sees the length of the encrypted
// response: trying guesses, he finds the secret byte by byte (the BREACH attack on CSRF tokens in pages that repeat a query). Mask such
// tokens anew in each response, or exclude the page by Skip or Cache-Control: no-transform.
//
// Compress stands outside of what makes or checks validators (ETag), which then answers 304 before anything is compressed, and inside of a
// Logger that is to count the bytes sent. It renders the error that comes to it (Ctx.Fail). A body costs 0 allocations once buffers are
// warm. An encoder is held while a body is compressed, a stream's until it ends: 0.8 to 1.6 MiB at the default levels,
// 5.5 MiB at most at the highest, with a window of 256 KiB.
func Compress(cfg CompressConfig) quart.Middleware {
	p := newCompressor(&cfg)
	return func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if p.skip != nil && p.skip(c) {
				return next(c)
			}
			err := next(c)
			c.Fail(err)
			p.respond(c)
			return err
		}
	}
}

// compressor is a checked CompressConfig.
type compressor struct {
	offers  []string // the names of codings, then identity
	codings []*coding
	minSize int
	types   typeSet
	skip    func(c *quart.Ctx) bool
}

const defaultMinSize = 1024

func newCompressor(cfg *CompressConfig) *compressor {
	p := &compressor{minSize: max(cfg.MinSize, 1), types: newTypeSet(cfg.Types), skip: cfg.Skip}
	if cfg.MinSize == 0 {
		p.minSize = defaultMinSize
	}
	names := cfg.Encodings
	if len(names) == 0 {
		names = []string{"zstd", "br", "gzip"}
	}
	for _, name := range names {
		if slices.Contains(p.offers, name) {
			panic(fmt.Sprintf("middleware: Compress with encoding %q twice", name))
		}
		p.offers = append(p.offers, name)
		p.codings = append(p.codings, newCoding(name, cfg))
	}
	p.offers = append(p.offers, "identity")
	return p
}

// respond compresses the response as it stands, if it may.
func (p *compressor) respond(c *quart.Ctx) {
	fc := c.Fast()
	status := fc.Response.StatusCode()
	if status < 200 || status == 204 || status == 205 || fc.Hijacked() {
		return
	}
	h := &fc.Response.Header
	f := fieldsOf(h)
	notModified := status == 304
	if !p.types.has(f.contentType) && !(notModified && len(f.contentType) == 0) || f.encoded || f.noTransform {
		return
	}
	if f.vary {
		quart.Vary(c, "Accept-Encoding")
	} else {
		h.SetCanonical(varyName, acceptEncodingValue)
	}
	k := p.choose(c)
	switch {
	case notModified:
		f.weakenAsAsked(fc)
	case k == nil || status == 206 || f.partial:
	case quart.Streaming(c):
		if quart.FilterStream(c, k.wrap) {
			f.adjust(h, k)
		}
	case p.compress(fc, k):
		f.adjust(h, k)
	}
}

// choose returns the coding that the request prefers, nil for identity.
func (p *compressor) choose(c *quart.Ctx) *coding {
	name := quart.AcceptsEncoding(c, p.offers...)
	for i, k := range p.codings {
		if p.offers[i] == name {
			return k
		}
	}
	return nil
}

// ownBuffer is the capacity up to which a response keeps its buffer, and what it is sent is copied there.
const ownBuffer = 64 << 10

// compress replaces a buffered body, unless that makes it no smaller.
func (p *compressor) compress(fc *fasthttp.RequestCtx, k *coding) bool {
	body := fc.Response.Body()
	if len(body) < p.minSize {
		return false
	}
	// perf: room for the worst case, or an encoder's append allocates (BenchmarkCompress).
	buf := pool.GetBuffer(len(body))
	defer pool.PutBuffer(buf)
	k.encode(buf, body)
	if len(buf.B) >= len(body) {
		return false
	}
	if cap(body) <= ownBuffer {
		// perf: with the buffers swapped the next handler on this connection would find one that is too small (BenchmarkCompress).
		fc.Response.SetBody(buf.B)
		return true
	}
	buf.B = fc.Response.SwapBody(buf.B) // a slow client does not hold what it does not get
	return true
}

// ---- header fields ----

var (
	acceptEncodingValue = []byte("Accept-Encoding")
	etagName            = []byte("Etag")
)

// fields is what the header of a response says that matters for its body's coding.
type fields struct {
	contentType, etag            []byte
	encoded, noTransform, vary   bool
	partial, ranges, digest, md5 bool
}

// fieldsOf reads all in one pass: a Peek normalizes its name for each call.
func fieldsOf(h *fasthttp.ResponseHeader) (f fields) {
	for key, value := range h.All() {
		switch string(key) {
		case "Content-Type":
			f.contentType = value
		case "Content-Encoding":
			f.encoded = true
		case "Cache-Control":
			f.noTransform = f.noTransform || hasDirective(value, "no-transform")
		case "Vary":
			f.vary = true
		case "Etag":
			f.etag = value
		case "Content-Range":
			f.partial = true
		case "Accept-Ranges":
			f.ranges = true
		case "Content-Md5":
			f.md5 = true
		case "Digest", "Content-Digest", "Repr-Digest":
			f.digest = true
		}
	}
	return f
}

// adjust says that the body is coded by k.
func (f *fields) adjust(h *fasthttp.ResponseHeader, k *coding) {
	h.SetContentEncodingBytes(k.name)
	f.weaken(h)
	if f.ranges {
		h.Del("Accept-Ranges")
	}
	if f.md5 {
		h.Del("Content-MD5")
	}
	if f.digest {
		h.Del("Digest")
		h.Del("Content-Digest")
		h.Del("Repr-Digest")
	}
}

// weaken makes a strong entity tag weak (RFC 9110, section 8.8.1).
func (f *fields) weaken(h *fasthttp.ResponseHeader) {
	if len(f.etag) == 0 || f.etag[0] != '"' {
		return
	}
	var buf [128]byte
	h.SetCanonical(etagName, append(append(buf[:0], "W/"...), f.etag...))
}

// weakenAsAsked is for a 304: whether the response that the client has was compressed, its If-None-Match tells.
func (f *fields) weakenAsAsked(fc *fasthttp.RequestCtx) {
	for _, list := range fc.Request.Header.PeekAll("If-None-Match") {
		if i := bytes.Index(list, f.etag); i >= 2 && string(list[i-2:i]) == "W/" {
			f.weaken(&fc.Response.Header)
			return
		}
	}
}

// hasDirective reports whether a Cache-Control field has a directive; name is in lower case.
func hasDirective(field []byte, name string) bool {
	for len(field) > 0 {
		elem := field
		if i := bytes.IndexByte(field, ','); i >= 0 {
			elem, field = field[:i], field[i+1:]
		} else {
			field = nil
		}
		if i := bytes.IndexByte(elem, '='); i >= 0 {
			elem = elem[:i]
		}
		if equalFold(bytes.Trim(elem, " \t"), name) {
			return true
		}
	}
	return false
}

// equalFold compares ASCII regardless of case; lower is in lower case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, x := range b {
		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}
		if x != lower[i] {
			return false
		}
	}
	return true
}

// ---- types ----

// typeSet is a set of media types.
type typeSet struct {
	exact    map[string]bool
	kinds    []string // "text/"
	suffixes []string // "+json"
}

func newTypeSet(patterns []string) typeSet {
	if len(patterns) == 0 {
		patterns = compressibleTypes
	}
	set := typeSet{exact: map[string]bool{}}
	for _, pattern := range patterns {
		kind, sub, ok := strings.Cut(strings.ToLower(pattern), "/")
		suffix, isSuffix := strings.CutPrefix(kind, "*+")
		switch {
		case !ok && isSuffix && isToken(suffix):
			set.suffixes = append(set.suffixes, "+"+suffix)
		case !ok || !isToken(kind) || kind == "*" || !isToken(sub):
			panic(fmt.Sprintf("middleware: Compress with type %q, which is neither type/subtype, type/* nor *+suffix", pattern))
		case sub == "*":
			set.kinds = append(set.kinds, kind+"/")
		default:
			set.exact[kind+"/"+sub] = true
		}
	}
	return set
}

// has reports whether a Content-Type field is in the set.
func (s *typeSet) has(contentType []byte) bool {
	if i := bytes.IndexByte(contentType, ';'); i >= 0 {
		contentType = contentType[:i]
	}
	contentType = bytes.TrimRight(contentType, " \t")
	var buf [128]byte
	if len(contentType) > len(buf) {
		return false
	}
	b := buf[:copy(buf[:], contentType)]
	for i, x := range b {
		if 'A' <= x && x <= 'Z' {
			b[i] = x + 'a' - 'A'
		}
	}
	if s.exact[string(b)] {
		return true
	}
	return s.wildcard(b)
}

func (s *typeSet) wildcard(b []byte) bool {
	for _, suffix := range s.suffixes {
		if len(b) > len(suffix) && string(b[len(b)-len(suffix):]) == suffix {
			return true
		}
	}
	for _, kind := range s.kinds {
		if len(b) > len(kind) && string(b[:len(kind)]) == kind {
			return !isCompressedType(b)
		}
	}
	return false
}

// isCompressedType reports whether b is a type that wildcards do not cover. Of images there are more kinds that
// are compressed than others.
func isCompressedType(b []byte) bool {
	switch string(b) {
	case "text/event-stream", "font/woff", "font/woff2", "application/zip", "application/gzip", "application/x-gzip", "application/zstd",
		"application/x-bzip2", "application/x-xz", "application/x-7z-compressed", "application/vnd.rar", "application/x-rar-compressed":
		return true
	case "image/svg+xml", "image/bmp", "image/x-icon", "image/vnd.microsoft.icon":
		return false
	}
	return bytes.HasPrefix(b, []byte("image/")) || bytes.HasPrefix(b, []byte("video/")) || bytes.HasPrefix(b, []byte("audio/"))
}
