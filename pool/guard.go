//go:build !quartdebug

package pool

// Debug reports whether the program was built with the tag quartdebug.
const Debug = false

// A Guard finds uses of a pooled object after its release. Its owner holds it as
// an unexported field, calls Acquired when it is taken from its pool, Released
// before it is put back, and Check at the entrance of its methods. The reset hook
// leaves the Guard alone. Its methods may be called from any goroutine.
//
// Without the tag quartdebug a Guard has size 0 and its methods do nothing and
// are inlined away. Make it the first field: behind the last one, a field of size
// 0 costs a word of padding. It must not be copied.
type Guard struct{ _ noCopy }

// Acquired notes that the object has a holder, and where it got it. With the tag
// quartdebug it panics when the object has one already.
func (*Guard) Acquired() {}

// Released notes that the object has no holder any more, and since where. With
// the tag quartdebug it panics when that was noted before.
func (*Guard) Released() {}

// Check does nothing while the object has a holder, or if it never had one. With
// the tag quartdebug it panics after Released, naming what ("Ctx") and the places
// of acquire and release.
func (*Guard) Check(what string) {}

func (*Guard) acquired(int) {}
func (*Guard) released(int) {}

// ledger is what a Pool knows of its values under the tag quartdebug.
type ledger[T any] struct{}

func (*ledger[T]) acquire() *T { return nil }
func (*ledger[T]) release(*T)  {}

func poison([]byte) {}
