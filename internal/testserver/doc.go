// Package testserver runs real servers for tests and measurements, each on a free port of the loopback interface, with its data in a directory of
// its own.
//
// A server never outlives the process that started it, however that ends: when a test fails, panics, runs into go test's -timeout or is killed, a
// small watchdog (a shell that waits for the end of a pipe) stops the server and removes its directory.
package testserver
