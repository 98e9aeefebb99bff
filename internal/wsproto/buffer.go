package wsproto

import (
	"math/bits"

	"github.com/goquart/quart/pool"
)

const (
	// smallBuffer is what an idle client's input is read to, in bytes.
	smallBuffer = 4 << 10

	// largestHint is the class of the largest buffer that is taken because the message before was large, 128 KiB.
	largestHint = 17

	// slack is left free behind the input: the tail of a compressed message is put there to inflate it.
	slack = len(deflateTail)

	// controlSpace holds the longest control frame of a client, so that a half one always gets its space.
	controlSpace = 6 + MaxControl
)

// Space returns where input goes, at least one byte: 4 KiB and more when nothing is
// buffered, and more in the midst of a large frame, the larger the more of it has
// arrived. Data of earlier events is invalid afterwards. After a close frame and
// after an error what is put there is dropped.
func (d *Decoder) Space() []byte {
	if d.buf == nil {
		d.buf = pool.GetBuffer(max(smallBuffer, 1<<d.hint))
	}
	if d.state != reading {
		d.start, d.end, d.next, d.left, d.op = 0, 0, 0, 0, 0
		d.buf.B = d.buf.B[:0]
	}
	if d.op == 0 {
		d.start, d.end = d.next, d.next
	}
	need := int64(controlSpace)
	if d.left > 0 {
		need = d.left
	}
	dead := d.start + d.next - d.end
	if dead > 0 && (int64(d.free()) < need || dead >= len(d.buf.B)/2) {
		d.compact()
	}
	if free := d.free(); int64(free) < need && free < cap(d.buf.B)/2 {
		d.grow(need)
	}
	return d.buf.B[len(d.buf.B) : cap(d.buf.B)-slack]
}

// Added notes that n bytes were put at the start of what Space returned.
func (d *Decoder) Added(n int) {
	if d.state != reading || n <= 0 {
		return
	}
	d.buf.B = d.buf.B[:len(d.buf.B)+n]
}

func (d *Decoder) free() int { return cap(d.buf.B) - slack - len(d.buf.B) }

// compact moves what is kept to the start of the buffer. The bytes of a message are
// moved once; later on only those behind it are, which are less than a frame unless
// the caller does not call Next.
func (d *Decoder) compact() {
	b, message := d.buf.B, d.end-d.start
	if d.start > 0 {
		copy(b, b[d.start:d.end])
	}
	unread := copy(b[message:], b[d.next:])
	d.start, d.end, d.next = 0, message, message
	d.buf.B = b[:message+unread]
}

// grow moves what compact left to a larger buffer: as large as the message will be
// if that is at most five times the present size, else four times. Since at least
// half of the present one is full, a message costs memory in proportion to what has
// arrived of it.
func (d *Decoder) grow(need int64) {
	have, old := cap(d.buf.B), d.buf
	size := 4 * have
	if want := int64(len(old.B)+slack) + need; want <= int64(5*have) {
		size = int(want)
		if d.left == 0 || !d.fin {
			size = max(size, 2*have) // more fragments will follow
		}
	}
	d.buf = pool.GetBuffer(size)
	d.buf.B = append(d.buf.B, old.B...)
	pool.PutBuffer(old)
}

// note remembers the size of a message, with its frame, for the next buffer.
func (d *Decoder) note(size int) {
	d.large = max(d.large, uint8(min(bits.Len(uint(size+slack)), largestHint)))
}

// More reports whether a further message's end or control frame is buffered: then
// Next returns an event or an error without more input. It costs little.
func (d *Decoder) More() bool {
	if d.state != reading || d.buf == nil {
		return false
	}
	b := d.buf.B[d.next:]
	if d.left > 0 {
		if d.left > int64(len(b)) {
			return false
		}
		if d.fin {
			return true
		}
		b = b[d.left:]
	}
	for {
		size := frameSize(b)
		if size < 0 || int64(len(b)) < size {
			return false
		}
		if b[0]&bitFin != 0 { // as control frames have
			return true
		}
		b = b[size:]
	}
}

// Idle reports whether nothing is buffered and no message is half read.
func (d *Decoder) Idle() bool {
	return d.state != reading || d.op == 0 && d.empty()
}

// empty reports whether the buffer holds nothing to keep.
func (d *Decoder) empty() bool {
	return d.buf == nil || d.next == len(d.buf.B) && (d.op == 0 || d.start == d.end)
}

// Shrink gives buffers back as far as nothing is buffered. It is called before a
// wait. Data of earlier events is invalid afterwards.
func (d *Decoder) Shrink() {
	d.putOut()
	if d.state == reading && !d.empty() {
		return
	}
	if d.hint > 0 {
		d.hint--
	}
	d.hint, d.large = max(d.hint, d.large), 0
	d.putBuf()
}

// Free gives back all that d holds, at the end of its connection. d reads no further
// frames.
func (d *Decoder) Free() {
	d.putOut()
	d.putBuf()
	d.hist, d.state = nil, max(d.state, closed)
}

func (d *Decoder) putBuf() {
	if d.buf != nil {
		pool.PutBuffer(d.buf)
		d.buf, d.start, d.end, d.next = nil, 0, 0, 0
	}
}

func (d *Decoder) putOut() {
	if d.out != nil {
		pool.PutBuffer(d.out)
		d.out = nil
	}
}
