// Package bytesconv converts between strings and byte slices without copying.
//
// It is the one place that may import unsafe for this purpose: every use of it
// elsewhere is a claim about who writes to the memory and when, and belongs
// next to a comment that states the claim.
package bytesconv

import "unsafe"

// String returns a string that shares b's memory. It copies and allocates
// nothing.
//
// Danger: strings are immutable by contract of the language. The result is
// valid only while nobody writes to b or reuses its array: map keys made of it
// change place, comparisons change their outcome, and no tool warns. Use it for
// a lookup or a comparison that ends before the buffer is touched again, and
// never hand the result to code that may keep it.
func String(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// Bytes returns a slice that shares s's memory, with its capacity equal to its
// length. It copies and allocates nothing, and is nil for the empty string.
//
// Danger: the result is for reading. Writing to it changes every copy of s, and
// kills the process with a fault that cannot be recovered when s is a constant.
// Appending to it is safe, because that copies.
func Bytes(s string) []byte {
	if s == "" {
		return nil
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// FuncPointer returns what tells a function value from any other: the address of its closure, or of the function itself if it captures
// nothing. f is of a function type. As long as the result is kept, no other closure gets its place.
func FuncPointer[F any](f F) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&f))
}
