package quart

import "io"

// bodyFilter stands between the body as it is sent and who reads it.
type bodyFilter struct {
	wrap   func(io.Reader) io.Reader
	reader filteredReader
}

// FilterBody puts a filter in front of the request body, a decompressor for one, for middleware, before the body is read: what Body,
// BodyReader, Form, FormFile and the binders read comes out of the reader that wrap returns. wrap is called once, when the first of these
// is, with the body as it is sent; not for a body that nobody reads. A reader that is an io.Closer is closed when the request is over.
//
// The body limit holds on both sides, for the bytes sent and for those that come out of the filter, and so does the body's time. An error of the filter
// is what the handler gets, and ends the connection with the answer as those of Body do: let it be an *HTTPError, or it is answered 500.
//
// It reports false, and does nothing, when the body has been read from or has a filter already. 0 allocations.
func FilterBody(c *Ctx, wrap func(r io.Reader) io.Reader) bool {
	c.live()
	if c.body.begun || c.body.filter.wrap != nil {
		return false
	}
	c.body.filter.wrap = wrap
	return true
}

// reset ends the filter with its request.
func (f *bodyFilter) reset() {
	if cl, ok := f.reader.src.(io.Closer); ok {
		_ = cl.Close() // what it has to say comes too late
	}
	*f = bodyFilter{}
}

// filteredBody is the body behind its filter.
func (c *Ctx) filteredBody() io.Reader {
	r := &c.body.filter.reader
	if r.src == nil {
		*r = filteredReader{c: c, src: c.body.filter.wrap(c.wireBody()), limit: c.bodyLimit()}
	}
	return r
}

// filteredReader enforces the limit on what comes out of a filter.
type filteredReader struct {
	c        *Ctx
	src      io.Reader
	n, limit int64
	eof      bool
}

func (r *filteredReader) Read(p []byte) (int, error) {
	if err := r.c.body.err; err != nil {
		return 0, err
	}
	if r.eof {
		return 0, io.EOF
	}
	if rest := r.limit - r.n; r.limit >= 0 && int64(len(p))-1 > rest {
		p = p[:rest+1] // one more byte than allowed tells
	}
	n, err := r.src.Read(p)
	r.n += int64(n)
	if r.limit >= 0 && r.n > r.limit {
		err = ErrTooLarge
	}
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF:
		r.eof = true
		return n, io.EOF
	case r.c.body.err == nil: // else the body itself failed
		r.c.failBody(err)
	}
	return 0, r.c.body.err
}
