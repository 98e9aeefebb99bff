package wsproto

import (
	"github.com/goquart/quart/pool"
	"github.com/klauspost/compress/flate"
)

// maxHistory is how much of the messages before a Deflater refers to, in bytes. All of it is hashed anew for each message, which is what a
// socket without a compressor of its own pays: about 10 us. Twice as much makes messages 1 % smaller (BenchmarkDeflater).
const maxHistory = 4 << 10

// sink is a writer that appends.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// compressor is a writer of DEFLATE with what it writes to. It is large, up to 1 MiB, and
// held for the time of one message only.
type compressor struct {
	dst sink
	w   *flate.Writer
}

// compressors[bits] have a window of 1<<bits bytes. The one for maxBits uses the
// fastest level: others have but one.
var compressors = func() (pools [maxBits + 1]*pool.Pool[compressor]) {
	for i := range pools {
		pools[i] = pool.New(func(z *compressor) { z.dst.b = nil })
	}
	return pools
}()

// AppendDeflated appends payload, compressed without reference to other messages: it
// is the payload of a frame with RSV1, for any client that negotiated
// permessage-deflate with a window (Params.ServerBits) of bits or more, or of at
// least len(payload) bytes. bits is 8 to 15; 0 is 15. The result is never empty, and
// can be larger than payload.
//
// For a client that keeps the context of the server, its [Deflater] has to be told by
// Sent.
//
// It allocates nothing if dst has room.
func AppendDeflated(dst, payload []byte, bits uint8) []byte {
	return appendDeflated(dst, payload, nil, bits)
}

// appendDeflated compresses payload behind history.
func appendDeflated(dst, payload, history []byte, bits uint8) []byte {
	if bits == 0 || len(history)+len(payload) <= 1<<bits {
		bits = maxBits // no reference can go further back
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
	return cutTail(z.dst.b)
}

func newWriter(dst *sink, bits uint8) (w *flate.Writer) {
	if bits == maxBits {
		w, _ = flate.NewWriter(dst, flate.BestSpeed) // errors are for levels and windows that do not exist
	} else {
		w, _ = flate.NewWriterWindow(dst, 1<<bits)
	}
	return w
}

// cutTail cuts what every flushed stream ends with (RFC 7692, section 7.2.1).
func cutTail(b []byte) []byte { return b[:len(b)-len("\x00\x00\xff\xff")] }

// Deflater compresses the messages to one client that keeps the context of the server
// (no server_no_context_takeover). It holds the end of what was sent, at most 4 KiB,
// and nothing before the first message. It is not safe for concurrent use: messages
// have to leave in the order in which they were compressed.
type Deflater struct {
	hist []byte
	bits uint8
}

// Init prepares d for a client with a window of bits (Params.ServerBits), 8 to 15; 0
// is 15.
func (d *Deflater) Init(bits uint8) {
	if bits == 0 {
		bits = maxBits
	}
	*d = Deflater{bits: bits}
}

// Append appends payload, compressed: the payload of a frame with RSV1. Behind the
// first message it allocates room for the history and payload, once per call.
func (d *Deflater) Append(dst, payload []byte) []byte {
	dst = d.append(dst, payload)
	d.Sent(payload)
	return dst
}

func (d *Deflater) append(dst, payload []byte) []byte {
	window := 1 << d.bits
	if len(d.hist) == 0 || d.bits < maxBits && len(payload) >= window {
		return appendDeflated(dst, payload, d.hist, d.bits)
	}
	// The level that keeps no state costs least behind a short history, and finds references in messages of any size; the others look
	// for none below 128 bytes. It knows no window but the largest: together with the message the history fits a smaller one.
	history := d.hist
	if d.bits < maxBits {
		history = history[max(0, len(history)+len(payload)-window):]
	}
	s := sinks.Get()
	defer sinks.Put(s)
	s.b = dst
	_ = flate.StatelessDeflate(s, payload, false, history) // a sink has no errors
	return cutTail(s.b)
}

var sinks = pool.New(func(s *sink) { s.b = nil })

// Sent notes that payload was sent compressed, but not by Append: the client's window
// has moved on by it.
func (d *Deflater) Sent(payload []byte) {
	d.hist = slide(d.hist, payload, min(maxHistory, 1<<d.bits))
}

// Free gives back what d holds. Append still works: it goes on without the context.
func (d *Deflater) Free() { d.hist = nil }
