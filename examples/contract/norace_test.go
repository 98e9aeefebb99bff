//go:build !race

package main

// race: see race_test.go.
const race = false
