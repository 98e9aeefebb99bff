// Package pool holds the three ways in which quart avoids garbage: objects that
// are used again, byte buffers that are used again, and strings that are cut
// from a common chunk and never used again.
//
//   - [Pool] is a typed [sync.Pool] with a reset hook.
//   - [GetBuffer] and [PutBuffer] lend a [Buffer] from power-of-two classes of
//     [MinBuffer] to [MaxBuffer] bytes.
//   - [Slab] copies short strings into an append-only chunk. They are owned and
//     valid for ever, and cost one allocation per 2 KiB.
//
// # Lifetime
//
// What comes out of a Pool or from GetBuffer is borrowed: its holder must not
// touch it, nor any slice into it, after it has put it back. What a Slab hands
// out is owned and has no end.
//
// # The build tag quartdebug
//
// A use after release shows up in production as another request's data. Built
// with -tags quartdebug, the same program panics at the culprit instead:
//
//   - A released object is never handed out again, so that a late use cannot be
//     mistaken for its next holder's.
//   - A second [Pool.Put] or [PutBuffer] panics with both places, and so does
//     Put of an object that this pool did not hand out.
//   - The bytes of a released Buffer, to its full capacity, become [Poison],
//     and its methods panic.
//   - [Guard] brings the same check to any other pooled type: its Check panics
//     with "use of a released Ctx; acquired at file:line, released at
//     file:line" and a short stack of each.
//
// Under the tag every acquire and release records a stack: it is for tests and
// for hunting, not for production. Without the tag a Guard has size 0 and its
// methods are empty. [Debug] tells which of the two was built.
package pool
