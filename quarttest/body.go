package quarttest

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

func (c *conn) body(method string, resp *Response) (io.Reader, error) {
	lengths := resp.HeaderAll("Content-Length")
	c.delimited = true
	switch {
	case resp.Status == 101:
		c.delimited = false
		return strings.NewReader(""), nil
	case method == "HEAD", resp.Status == 204, resp.Status == 304:
		return strings.NewReader(""), nil
	case strings.EqualFold(resp.Header("Transfer-Encoding"), "chunked"):
		if lengths != nil {
			return nil, errors.New("both Content-Length and Transfer-Encoding")
		}
		return &chunkedBody{c: c, trailer: &resp.trailer}, nil
	case lengths == nil:
		c.delimited = false
		return c.r, nil
	case len(lengths) > 1:
		return nil, fmt.Errorf("%d lines of Content-Length", len(lengths))
	}
	n, err := strconv.ParseUint(lengths[0], 10, 32)
	if err != nil || n > maxBody {
		return nil, fmt.Errorf("Content-Length %q", lengths[0])
	}
	return &sizedBody{r: c.r, left: int64(n)}, nil
}

type sizedBody struct {
	r    io.Reader
	left int64
}

func (b *sizedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, unexpected(err)
}

// chunkedBody decodes chunks (RFC 9112, section 7.1), without the extensions that nobody sends.
type chunkedBody struct {
	c       *conn
	trailer *[]field
	left    int64 // of the current chunk
	begun   bool
	err     error
}

func (b *chunkedBody) Read(p []byte) (n int, err error) {
	if b.left == 0 && b.err == nil {
		b.err = b.next()
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err = b.c.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	b.err = unexpected(err)
	return n, b.err
}

// next reads up to the next chunk's data. It waits for no more than that.
func (b *chunkedBody) next() error {
	if b.begun {
		end, err := b.c.readLine()
		if err != nil {
			return unexpected(err)
		}
		if end != "" {
			return fmt.Errorf("chunk does not end where its size says: %.80q", end)
		}
	}
	b.begun = true
	line, err := b.c.readLine()
	if err != nil {
		return unexpected(err)
	}
	n, err := strconv.ParseUint(line, 16, 31)
	if err != nil {
		return fmt.Errorf("malformed chunk size %.80q", line)
	}
	if b.left = int64(n); n > 0 {
		return nil
	}
	if *b.trailer, err = b.c.readFields(); err != nil {
		return unexpected(err)
	}
	return io.EOF
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
