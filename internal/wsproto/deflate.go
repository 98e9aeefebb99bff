package wsproto

import (
	"github.com/goquart/quart/pool"
	"github.com/klauspost/compress/flate"
)

// maxHistory is how much of the messages before a Deflater uses, in bytes: each message has to be compressed with it anew, which is what
// a socket without a compressor of its own pays.
const maxHistory = 8 << 10

// sink is a writer that appends.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// compressor is a writer of DEFLATE with what it writes to. It is large, and held for
// the time of one message only.
type compressor struct {
	dst sink
	w   *flate.Writer
}

// compressors[bits] have a window of 1<<bits bytes.
var compressors [maxBits + 1]*pool.Pool[compressor]

func init() {
	for i := range compressors {
		compressors[i] = pool.New(func(z *compressor) { z.dst.b = nil })
	}
}

// AppendDeflated appends payload, compressed with no reference to other messages: the
// payload of a frame with RSV1, for any client that negotiated permessage-deflate
// with a window (Params.ServerBits) of bits or more, or of at least len(payload)
// bytes. bits is 8 to 15; 0 is 15.
//
// To a client that keeps the server's context, tell its [Deflater] by Sent.
//
// It allocates nothing if dst has room; a result can be larger than payload.
func AppendDeflated(dst, payload []byte, bits uint8) []byte {
	return appendDeflated(dst, payload, nil, bits)
}

// appendDeflated compresses payload behind history.
func appendDeflated(dst, payload, history []byte, bits uint8) []byte {
	if bits == 0 || len(history)+len(payload) <= 1<<bits {
		bits = maxBits // no reference can go further
	}
	z := compressors[bits].Get()
	defer compressors[bits].Put(z)
	z.dst.b = dst
	if z.w == nil {
		z.w = newWriter(&z.dst, bits)
	}
	z.w.ResetDict(&z.dst, history)
	_, _ = z.w.Write(payload) // a sink has no errors
	_ = z.w.Flush()
	return z.dst.b[:len(z.dst.b)-4] // RFC 7692, section 7.2.1
}

func newWriter(dst *sink, bits uint8) (w *flate.Writer) {
	if bits == maxBits {
		w, _ = flate.NewWriter(dst, flate.BestSpeed)
	} else {
		w, _ = flate.NewWriterWindow(dst, 1<<bits)
	}
	return w
}

// Deflater compresses the messages to one client that keeps the context of the
// server (no server_no_context_takeover). It is not safe for concurrent use: messages
// have to leave in the order in which they were compressed. It holds the end of what
// was sent, at most 8 KiB.
type Deflater struct {
	hist []byte
	bits uint8
}

// Init prepares d for a client with a window of bits, 8 to 15; 0 is 15.
func (d *Deflater) Init(bits uint8) {
	if bits == 0 {
		bits = maxBits
	}
	*d = Deflater{bits: bits}
}

// Append appends payload, compressed: the payload of a frame with RSV1.
func (d *Deflater) Append(dst, payload []byte) []byte {
	dst = appendDeflated(dst, payload, d.hist, d.bits)
	d.Sent(payload)
	return dst
}

// Sent notes that payload was sent compressed, but not by Append: the client's window
// has moved on by it.
func (d *Deflater) Sent(payload []byte) {
	d.hist = slide(d.hist, payload, min(maxHistory, 1<<d.bits))
}

// Free gives back what d holds. Append goes on without context, which is legal.
func (d *Deflater) Free() { d.hist = nil }
