//go:build !unix

package quart

// openNonblock is for pipes in the file system.
const openNonblock = 0
