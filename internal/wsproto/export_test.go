package wsproto

// Holds reports whether d holds a buffer.
func Holds(d *Decoder) bool { return d.buf != nil || d.out != nil }

// The internals that have tests of their own.
var (
	Unmask = unmask
	Rotate = rotate
)

// History returns how many bytes d keeps of what the client compressed.
func History(d *Decoder) int { return cap(d.hist) }

// TextState returns whether b can go on as UTF-8, and whether it is UTF-8. It is read
// in two parts.
func TextState(b []byte, cut int) (possible, valid bool) {
	state := advanceText(advanceText(textStart, b[:cut]), b[cut:])
	return state != textWrong, state == textStart
}

// ValidText is UTF-8 or not.
var ValidText = validText

// Hint returns what the next buffer has to hold.
func Hint(d *Decoder) int { return 1 << d.hint }
