package quart

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"mime/multipart"
	"sync/atomic"
	"time"

	"github.com/goquart/quart/pool"
	"github.com/valyala/fasthttp"
)

// body is the request body: read lazily, by the handler's wish, under the limit and time of its route.
type body struct {
	buf    *pool.Buffer // what Body read
	err    error        // why reading failed; it stays
	begun  bool         // something was read, or the outcome is known
	eof    bool
	n      int64 // bytes read so far
	limit  int64 // negative: none; 0: the route's
	time   time.Duration
	reader bodyReader
	handle *bodyHandle // what BodyReader returned
	// buffered is the source where there is no stream.
	buffered bytes.Reader
	filter   bodyFilter // see FilterBody

	formRead bool
	formErr  error // why parsing the form failed
	args     fasthttp.Args
	form     *multipart.Form
}

func (b *body) reset(fc *fasthttp.RequestCtx) {
	if !b.begun && !b.formRead && b.limit == 0 && b.time == 0 && b.filter.wrap == nil {
		return
	}
	b.filter.reset()
	if b.buf != nil {
		forgetBody(&fc.Request, b.buf.B)
		pool.PutBuffer(b.buf)
	}
	if b.form != nil {
		_ = b.form.RemoveAll() // temporary files of this request
	}
	if b.handle != nil {
		b.handle.c.Store(nil)
		b.handle = nil
	}
	b.args.Reset()
	b.buf, b.err, b.form, b.formErr, b.reader = nil, nil, nil, nil, bodyReader{}
	b.buffered.Reset(nil)
	b.begun, b.eof, b.formRead = false, false, false
	b.n, b.limit, b.time = 0, 0, 0
}

// forgetBody takes a buffer that goes back to its pool out of the request, which fasthttp holds until the response is written.
func forgetBody(req *fasthttp.Request, buf []byte) {
	if req.IsBodyStream() {
		return
	}
	if b := req.Body(); len(b) > 0 && &b[0] == &buf[:1][0] {
		req.SetBodyRaw(nil)
	}
}

// SetBodyLimit sets the most bytes of this request's body, before it is read; negative is no limit.
func (c *Ctx) SetBodyLimit(n int64) {
	c.live()
	c.body.limit = n
}

// SetBodyTimeout sets the time for this request's body, before it is read: all that is spent waiting for the client. Negative is no
// limit but Config.BodyReadTimeout, for each wait.
func (c *Ctx) SetBodyTimeout(d time.Duration) {
	c.live()
	c.body.time = d
}

// bodyLimit is negative for no limit.
func (c *Ctx) bodyLimit() int64 {
	switch {
	case c.body.limit != 0:
		return c.body.limit
	case c.route != nil && c.route.bodyLimit != 0:
		return c.route.bodyLimit
	case c.app.cfg.BodyLimit == 0:
		return -1
	}
	return c.app.cfg.BodyLimit
}

// forever stands for no limit where a duration must be positive.
const forever = 100 * 365 * 24 * time.Hour

func (c *Ctx) bodyTimeout() time.Duration {
	d := c.app.cfg.BodyTimeout
	switch {
	case c.body.time != 0:
		d = c.body.time
	case c.route != nil && c.route.bodyTimeout != 0:
		d = c.route.bodyTimeout
	}
	if d <= 0 {
		return forever
	}
	return d
}

// Body reads the whole request body and returns it, borrowed until the handler returns. A handler starts when the first byte of a
// body declared by Content-Length is there. Later calls return the same.
// Errors: ErrTooLarge beyond the limit, ErrTimeout, and a 400 for a body that is cut short or malformed. After one of these the
// connection is closed with the answer. 0 allocations once buffers are warm. (Flask: get_data.)
func (c *Ctx) Body() ([]byte, error) {
	c.live()
	if c.body.buf == nil && c.body.err == nil {
		c.readBody()
	}
	if c.body.err != nil {
		return nil, c.body.err
	}
	return c.body.buf.B, nil
}

func (c *Ctx) readBody() {
	buf := pool.GetBuffer(c.sizeHint())
	c.body.buf = buf
	r := c.rawBody()
	for {
		if len(buf.B) == cap(buf.B) {
			buf.B = append(buf.B, 0)[:len(buf.B)]
		}
		n, err := r.Read(buf.B[len(buf.B):cap(buf.B)])
		buf.B = buf.B[:len(buf.B)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return
		}
	}
	c.fc.Request.SetBodyRaw(buf.B) // for foreign code that asks the RequestCtx
}

// sizeHint is how much room to make before a byte arrived: a declared length is only a claim.
func (c *Ctx) sizeHint() int {
	const most = 16 << 10
	switch n := c.fc.Request.Header.ContentLength(); {
	case n >= 0 && n < most:
		return n + 1 // one more, to see the end without growing
	case n < -1: // neither declared nor chunked: there is none
		return 1
	}
	return most
}

// BodyReader returns the request body as a reader, under the same limit and time as Body: as it arrives, in constant memory. Only
// waiting for the client counts as time, not what the handler does between two reads. It is for one goroutine, and valid until the handler
// returns. A client that sent Expect: 100-continue is told to go on at the first Read. What the handler leaves unread is
// dropped, up to 256 KiB; with more the connection is closed after the answer.
//
// Errors are Body's, and stay: ErrTooLarge, for a declared length too, before anything is read; ErrTimeout; and 400. The wire overhead of a
// chunked body is bounded as well (400): 18 bytes for each of the body, and some tens of KiB.
//
// After the handler has returned, in the function of a stream for one, Read fails with ErrClosed: a response cannot be streamed out of its request's
// body. The reader is never that of another request, which costs it 1 allocation.
func (c *Ctx) BodyReader() io.Reader {
	c.live()
	_ = c.rawBody()
	if c.body.handle == nil {
		h := new(bodyHandle)
		h.c.Store(c)
		c.body.handle = h
	}
	return c.body.handle
}

// bodyHandle is a body's reader as users have it: one that is kept dies with its request.
type bodyHandle struct{ c atomic.Pointer[Ctx] }

func (h *bodyHandle) Read(p []byte) (int, error) {
	c := h.c.Load()
	if c == nil {
		return 0, ErrClosed
	}
	return c.rawBody().Read(p)
}

// rawBody is the body as the handler is to see it.
func (c *Ctx) rawBody() io.Reader {
	if c.body.filter.wrap != nil {
		return c.filteredBody()
	}
	return c.wireBody()
}

// wireBody is the body as it is sent.
func (c *Ctx) wireBody() io.Reader {
	b := &c.body
	if b.begun {
		return &b.reader
	}
	b.begun = true
	declared := int64(c.fc.Request.Header.ContentLength())
	b.reader = bodyReader{c: c, limit: c.bodyLimit(), src: c.fc.RequestBodyStream(), chunked: declared == -1}
	if b.reader.limit >= 0 && declared > b.reader.limit {
		c.failBody(ErrTooLarge)
		return &b.reader
	}
	if b.reader.src == nil {
		// No body, or a foreign server that has read it.
		b.buffered.Reset(c.fc.Request.Body())
		b.reader.src = &b.buffered
		return &b.reader
	}
	c.conn.setBodyTime(c.bodyTimeout()) // a foreign server's time is its own
	if c.h2 != nil {
		c.h2.SetBodyTimeout(c.bodyTimeout())
	}
	return &b.reader
}

// closeAfter ends the connection with the answer, because what follows on it is not a request. On HTTP/2 only the stream ends.
func (c *Ctx) closeAfter() {
	if c.h2 == nil {
		c.fc.SetConnectionClose()
		c.conn.linger()
	}
}

// failBody notes that the rest of the body stays unread: the connection ends with the answer.
func (c *Ctx) failBody(err error) {
	c.body.err = err
	c.closeAfter()
}

// bodyReader enforces the limit on what arrives, whatever was declared.
type bodyReader struct {
	c       *Ctx
	src     io.Reader
	limit   int64
	chunked bool
}

func (r *bodyReader) Read(p []byte) (int, error) {
	b := &r.c.body
	if b.err != nil {
		return 0, b.err
	}
	if b.eof {
		return 0, io.EOF
	}
	if rest := r.limit - b.n; r.limit >= 0 && int64(len(p))-1 > rest {
		p = p[:rest+1] // one more byte than allowed tells
	}
	if r.chunked {
		p = p[:min(len(p), wirePiece)]
		r.c.conn.boundWire(b.n, len(p))
	}
	n, err := r.src.Read(p)
	b.n += int64(n)
	if r.limit >= 0 && b.n > r.limit {
		r.c.failBody(ErrTooLarge)
		return 0, ErrTooLarge
	}
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF && !r.cutShort():
		b.eof = true
		return n, io.EOF
	}
	if cause := r.c.conn.bodyFailure(); cause != nil {
		err = cause
	}
	r.c.failBody(bodyError(err))
	return n, b.err
}

// cutShort reports whether what looks like the end of the body is only the end of the connection: fasthttp's stream calls that
// io.EOF, too, before the declared length and between two chunks. A chunked body that is whole needs no byte after it.
func (r *bodyReader) cutShort() bool {
	if r.chunked {
		return r.c.conn.bodyFailure() != nil
	}
	declared := r.c.fc.Request.Header.ContentLength()
	return declared > 0 && r.c.body.n < int64(declared)
}

var errBodyCut error = &HTTPError{Status: 400, Detail: "the request body is incomplete or malformed"}

func bodyError(err error) error {
	if err == errBodyWire {
		return err
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return ErrTimeout
	}
	return errBodyCut
}

// abort is a panic that carries an error to answer with: how Form fails, having no error result.
type abort struct{ err error }

// Form returns the first value of a form field, from a body of type application/x-www-form-urlencoded or multipart/form-data; "" when there is
// none, or the body is of another type. A body that is too large, too slow or malformed ends the handler
// at once with 413, 408 or 400, as it does in Flask; to handle that, call Body first (multipart: FormFile).
func (c *Ctx) Form(name string) string {
	c.live()
	if err := c.readForm(); err != nil {
		panic(abort{err})
	}
	if c.body.form != nil {
		if v := c.body.form.Value[name]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	return c.str(c.body.args.Peek(name))
}

// FormAll ranges over the values of a form field, in their order. It fails as Form does.
func (c *Ctx) FormAll(name string) iter.Seq[string] {
	c.live()
	return func(yield func(string) bool) {
		if err := c.readForm(); err != nil {
			panic(abort{err})
		}
		if c.body.form != nil {
			for _, v := range c.body.form.Value[name] {
				if !yield(v) {
					return
				}
			}
			return
		}
		for k, v := range c.body.args.All() {
			if string(k) == name && !yield(c.str(v)) {
				return
			}
		}
	}
}

func (c *Ctx) readForm() error {
	c.live()
	b := &c.body
	if !b.formRead {
		b.formRead = true
		b.formErr = c.parseForm()
	}
	return b.formErr
}

func (c *Ctx) parseForm() error {
	switch kind := c.mediaType(); {
	case equalFold(kind, "application/x-www-form-urlencoded"):
		return c.readURLEncoded()
	case equalFold(kind, "multipart/form-data"):
		return c.readMultipart()
	}
	return nil
}

// mediaType is the type of the body, without parameters.
func (c *Ctx) mediaType() []byte {
	kind, _, _ := bytes.Cut(c.fc.Request.Header.ContentType(), []byte(";"))
	return bytes.Trim(kind, " \t")
}

func (c *Ctx) readURLEncoded() error {
	data, err := c.Body()
	if err != nil {
		return err
	}
	if bytes.Count(data, []byte("&")) >= maxFormParts {
		return ErrTooLarge
	}
	c.body.args.ParseBytes(data)
	return nil
}

var errBodyGone = errors.New("quart: the form is to be parsed, but the body was read already, by BodyReader or Parts")

// formSource is the body for a parser of forms: what Body has read, or the stream.
func (c *Ctx) formSource() (io.Reader, error) {
	b := &c.body
	switch {
	case b.err != nil:
		return nil, b.err
	case b.buf != nil:
		return bytes.NewReader(b.buf.B), nil
	case b.begun:
		return nil, errBodyGone
	}
	return c.BodyReader(), nil
}
