//go:build race || quartdebug

package middleware_test

// allocsTold is false where the build itself allocates.
const allocsTold = false
