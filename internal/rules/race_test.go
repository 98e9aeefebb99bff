//go:build race

package rules_test

// raceEnabled skips allocation counts: the race detector allocates itself.
const raceEnabled = true
