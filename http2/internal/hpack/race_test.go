//go:build race

package hpack_test

// raceEnabled skips allocation counts: the race detector allocates itself.
const raceEnabled = true
