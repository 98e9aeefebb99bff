// Package batch turns concurrent calls into batches: what many goroutines ask
// for one by one is done by one transaction or one round trip.
//
// Where each operation has a price that does not depend on its size (a commit,
// a round trip to a database, an fsync), ten of them together cost little more
// than one. [New] takes the function that does many, [Batch.Do] is called for
// one:
//
//	films := batch.New(func(ctx context.Context, ids []int) ([]Film, error) {
//		return store.Films(ctx, ids) // one round trip; the results in the order of ids
//	}, batch.Config{})
//
//	film, err := films.Do(ctx, 995)
//
// # Natural batching
//
// There is no timer and no delay to tune. A call that finds nothing under way
// is run at once, alone, in its own goroutine: on an idle server it costs what
// the direct call costs. While it is under way others gather, and they make the
// next batch the moment it returns. Batches grow with the load and with the
// duration of a run, and shrink by themselves: a slow database makes them
// larger, which is what it needs.
//
// What gathered is run by a goroutine of the Batch, first in first out, which
// ends as soon as nobody waits. So a call never serves others, and a Batch that
// is idle has no goroutine: it needs no [Batch.Close] to be collected. Close and
// [Batch.Shutdown] are for a server that stops: every call that was accepted
// gets its answer first.
//
// [Config.Workers] above 1 lets that many batches run at once. They gather less
// each; it pays where a run waits for something that serves several at a time.
//
// # Errors
//
// The error of one item and the error of a batch are different things, and run
// says which one it returns:
//
//   - [Errors], one entry per item: each call gets its own, nil is success.
//   - An error wrapped by [All]: each call gets it. For what has nothing to do
//     with the items, such as a database that is down.
//   - Any other error of a batch of several items: run is called again for each
//     item alone, so that only the ones at fault fail. This is right only if a
//     run that fails has had no effect: a transaction. A run that is not all or
//     nothing must return Errors or All.
//
// That fallback is bounded by the batch's [Config.Timeout], is left as soon as
// run's context ends, and skips items whose callers have gone. A panic of run
// becomes a [*PanicError] for every call of the batch and a result of the wrong
// length an error that says so; neither is tried again. [ErrFull], [ErrClosed]
// and [ErrTimeout] have a method StatusCode that returns 503.
//
// # Contexts
//
// A call that waits is gone as soon as its context ends: Do returns
// [context.Cause]. If its batch is not yet under way the item is withdrawn;
// else the batch goes on for the others, and whether the item takes effect is
// unknown to its caller, as with any lost connection. A call that is run alone,
// in its own goroutine, returns when run does; its context ends run's.
//
// The context that run gets is that of the batch and of no single call. It ends
// when every call that it serves has gone, after Config.Timeout, and when the
// time given to Shutdown is over. It carries no values and no Deadline, and is
// not ended by the return of run.
//
// # Memory
//
// Do does not allocate: the cells of waiting calls and the slice of items are
// used again. Therefore run must not keep its slice. The one exception is a call
// that is run alone with a context that can end: the first use of Done of run's
// context registers with it, which takes 3 small allocations.
package batch
