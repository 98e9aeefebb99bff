package bytesconv_test

import (
	"fmt"
	"strconv"

	"github.com/goquart/quart/internal/bytesconv"
)

// The string lives for one call of a parser that keeps nothing.
func ExampleString() {
	buf := []byte("42")
	n, err := strconv.Atoi(bytesconv.String(buf))
	fmt.Println(n, err)
	// Output: 42 <nil>
}
