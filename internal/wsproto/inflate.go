package wsproto

import (
	"bytes"
	"io"

	"github.com/goquart/quart/pool"
	"github.com/klauspost/compress/flate"
)

// deflateTail is what a sender cuts off (RFC 7692, section 7.2.1) and an empty final
// block, so that the end of a message is the end of a stream.
const deflateTail = "\x00\x00\xff\xff" + "\x01\x00\x00\xff\xff"

// inflater is a reader of DEFLATE with what it reads from. It is large, 40 KiB and
// more, and held for the time of one message only.
type inflater struct {
	src bytes.Reader
	r   io.Reader
}

var inflaters = pool.New(func(z *inflater) { z.src.Reset(nil) })

// reset makes z read src, behind the output history.
func (z *inflater) reset(src, history []byte) {
	z.src.Reset(src)
	z.restart(history)
}

// restart makes z go on with a new stream, behind the output history.
func (z *inflater) restart(history []byte) {
	if z.r == nil {
		z.r = flate.NewReaderDict(&z.src, history)
		return
	}
	_ = z.r.(flate.Resetter).Reset(&z.src, history) // has no error to return
}

// inflate returns the inflated message, in d.out. On an error d has failed.
func (d *Decoder) inflate(wire []byte) []byte {
	z := inflaters.Get()
	defer inflaters.Put(z)
	// The tail goes to where the next frame may be: what is there comes back.
	var saved [slack]byte
	stream := wire[:len(wire)+slack]
	tail := stream[len(wire):]
	copy(saved[:], tail)
	copy(tail, deflateTail)
	if d.out != nil {
		d.out.B = d.out.B[:0]
	}
	d.makeRoom(4 * len(wire))
	z.reset(stream, d.hist)
	d.inflateAll(z, 16+len(wire)/512)
	copy(tail, saved[:])
	return d.out.B
}

// inflateAll reads z to its end. A final block is legal anywhere: what follows, from
// the next byte on, is a further stream with the same window (RFC 7692, sections
// 7.2.1 and 7.2.3.4). What a message lacks whose last block is final, an empty block
// for the tail, is forgiven: streams that were closed, not flushed, are like that.
// There may be restarts behind a final block, each of which copies a window.
func (d *Decoder) inflateAll(z *inflater, restarts int) {
	remembered := 0
	for {
		err := d.inflateSome(z)
		rest := z.src.Len()
		switch {
		case d.err != nil:
			return
		case err == nil:
			d.makeRoom(2 * cap(d.out.B))
		case err != io.EOF || rest > 0 && rest < slack:
			d.fail(CodeInvalidPayload, "compressed data is not DEFLATE")
			return
		case rest == 0 || rest == slack:
			d.remember(d.out.B[remembered:])
			return
		case restarts == 0:
			d.fail(CodeTooBig, "too many final blocks in a message")
			return
		default:
			restarts--
			z.restart(d.rewindow(remembered))
			remembered = len(d.out.B)
		}
	}
}

// inflateSome reads until the stream or, with a nil error, the room ends. A message
// over the limit fails as soon as one byte too many is there.
func (d *Decoder) inflateSome(z *inflater) error {
	for {
		b := d.out.B
		room := b[len(b):cap(b)]
		if d.limit > 0 {
			room = room[:min(int64(len(room)), d.limit+1-int64(len(b)))]
		}
		if len(room) == 0 {
			return nil
		}
		n, err := z.r.Read(room)
		d.out.B = b[:len(b)+n]
		if d.limit > 0 && int64(len(d.out.B)) > d.limit {
			d.fail(CodeTooBig, "inflated message over the limit")
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// makeRoom gives the output a capacity of size bytes, or of the limit and one more if
// that is less.
func (d *Decoder) makeRoom(size int) {
	if d.limit > 0 {
		size = int(min(int64(size), d.limit+1))
	}
	old := d.out
	if old != nil && cap(old.B) >= size {
		return
	}
	d.out = pool.GetBuffer(size)
	if old != nil {
		d.out.B = append(d.out.B, old.B...)
		pool.PutBuffer(old)
	}
}

// rewindow returns what a stream behind a final block may refer to. Up to remembered
// the output is in d.hist.
func (d *Decoder) rewindow(remembered int) []byte {
	if d.params.ClientNoTakeover {
		return d.out.B
	}
	d.remember(d.out.B[remembered:])
	return d.hist
}

// remember keeps the end of the output for the client's next message, at most the
// client's window.
func (d *Decoder) remember(p []byte) {
	if !d.params.ClientNoTakeover {
		d.hist = slide(d.hist, p, 1<<d.params.ClientBits)
	}
}

// slide appends p to window and drops from its start what is over size. It allocates
// at most size bytes, and less as long as less is there.
func slide(window, p []byte, size int) []byte {
	p = p[max(0, len(p)-size):]
	if over := len(window) + len(p) - size; over > 0 {
		window = window[:copy(window, window[over:])]
	}
	if need := len(window) + len(p); need > cap(window) {
		window = append(make([]byte, 0, min(size, max(need, 2*cap(window), 512))), window...)
	}
	return append(window, p...)
}
