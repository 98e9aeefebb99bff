//go:build race

package netwatch_test

const raceEnabled = true
