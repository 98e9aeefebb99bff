package wire

import (
	"bytes"
	"encoding/base64"
	"slices"
)

// Authorization splits the value of an Authorization or Proxy-Authorization
// field (RFC 9110, 11.4). The scheme is compared without regard to case by the
// caller. Both results are nil if the value does not begin with a token; the
// credentials are empty if nothing follows.
func Authorization(header []byte) (scheme, credentials []byte) {
	header = trim(header)
	n := tokenLen(header)
	if n == 0 || n < len(header) && header[n] != ' ' {
		return nil, nil
	}
	return header[:n], trim(header[n:])
}

// BasicCredentials decodes the credentials of the scheme Basic (RFC 7617). The
// user ends at the first colon; the password can have more.
//
// It decodes into the space behind dst and returns sub-slices of that. It
// allocates only if cap(dst)-len(dst) is less than 3/4 of len(credentials). ok is
// false for bad base64, a missing colon and control bytes.
func BasicCredentials(dst, credentials []byte) (user, password []byte, ok bool) {
	size := base64.StdEncoding.DecodedLen(len(credentials))
	dst = slices.Grow(dst, size)
	buf := dst[len(dst) : len(dst)+size]
	n, err := base64.StdEncoding.Decode(buf, credentials)
	if err != nil {
		return nil, nil, false
	}
	buf = buf[:n]
	for _, c := range buf {
		if c < 0x20 || c == 0x7f {
			return nil, nil, false
		}
	}
	colon := bytes.IndexByte(buf, ':')
	if colon < 0 {
		return nil, nil, false
	}
	return buf[:colon], buf[colon+1:], true
}
