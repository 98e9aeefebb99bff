package wsproto

import (
	"crypto/sha1"
	"encoding/base64"
)

// acceptGUID is appended to the key of the client (RFC 6455, section 1.3).
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// keySize is 16 bytes in base64.
const keySize = 24

// ValidKey reports whether key is the value of a Sec-WebSocket-Key field: the base64
// of 16 bytes (RFC 6455, section 4.1), without white space around it. Bits behind
// the last byte are not looked at.
func ValidKey(key []byte) bool {
	if len(key) != keySize || key[22] != '=' || key[23] != '=' {
		return false
	}
	for _, c := range key[:22] {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/':
		default:
			return false
		}
	}
	return true
}

// AppendAccept appends the value of the Sec-WebSocket-Accept field that answers a
// valid key (RFC 6455, section 4.2.2). It allocates nothing.
func AppendAccept(dst, key []byte) []byte {
	var b [keySize + len(acceptGUID)]byte
	sum := sha1.Sum(append(append(b[:0], key...), acceptGUID...))
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}
