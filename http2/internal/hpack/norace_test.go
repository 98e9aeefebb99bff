//go:build !race

package hpack_test

const raceEnabled = false
