//go:build race

package wsproto_test

// raceEnabled skips allocation counts: the race detector allocates itself.
const raceEnabled = true
