//go:build race

package main

// race says that the tests run under the race detector; the server is then built with it, too.
const race = true
