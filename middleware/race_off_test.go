//go:build !race && !quartdebug

package middleware_test

const allocsTold = true
