// Package proc gives each server of a benchmark a process of its own, and asks it what it costs. It needs Linux.
package proc
