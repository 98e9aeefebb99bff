// Package pin gives the server and the load of a benchmark a processor each. It needs Linux.
package pin
