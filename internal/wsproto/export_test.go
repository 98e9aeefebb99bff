package wsproto

// Holds reports whether d holds a buffer.
func Holds(d *Decoder) bool { return d.buf != nil || d.out != nil }

// The internals that have tests of their own.
var (
	Unmask    = unmask
	Rotate    = rotate
	CheckText = checkText
)
