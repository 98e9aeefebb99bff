package hpack

import (
	"errors"
	"fmt"
)

// ErrCompression is what every error of decoding wraps. The tables of the two sides can no longer be told to agree: the connection ends with
// COMPRESSION_ERROR (RFC 9113, section 4.3).
var ErrCompression = errors.New("hpack: compression error")

// The reasons. They are made once, so that hostile input costs no allocations.
var (
	errInteger   = reason("integer of more than 32 bits or 5 continuation bytes")
	errTruncated = reason("truncated field")
	errString    = reason("string longer than the block")
	errHuffman   = reason("invalid Huffman code")
	errIndex     = reason("index outside of the tables")
	errUpdate    = reason("table size update behind a field, or a third one")
	errTableSize = reason("table size above the maximum")
)

func reason(text string) error { return fmt.Errorf("%w: %s", ErrCompression, text) }
