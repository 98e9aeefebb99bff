//go:build race

package wire_test

// raceEnabled skips allocation counts: the race detector allocates itself.
const raceEnabled = true
