package quart

import (
	"errors"
	"io"
	"iter"
	"mime"
	"mime/multipart"
	"strings"
)

// Part is one part of a multipart form, as it arrives: read it before the next one is asked for. Errors of Read are those of Parts.
type Part struct {
	Name string // of the field
	// FileName is the last element of the name that the client gives for a file, with neither slash, backslash nor control
	// character, decoded where it is in the form of RFC 5987 (filename*). It is "" for a field that is no file, and never "." or "..".
	// It is the client's word: make names of your own for what you store.
	FileName    string
	ContentType string // as sent; "" is text/plain (RFC 7578, section 4.4)
	io.Reader
}

const (
	maxPartHead = 64 << 10 // bytes of the head of a part (413)
	maxBoundary = 70       // RFC 2046, section 5.1.1
)

var (
	errNotMultipart error = &HTTPError{Status: 415, Detail: "the request body is not of type multipart/form-data"}
	errNoBoundary   error = &HTTPError{Status: 400, Detail: "the Content-Type field lacks the boundary of the parts"}
	errBadBoundary  error = &HTTPError{Status: 400, Detail: "the boundary in the Content-Type field is malformed"}
	errManyParts    error = &HTTPError{Status: 413, Detail: "the form has too many parts"}
	errPartHead     error = &HTTPError{Status: 413, Detail: "the head of a part is too large"}
	errPartName     error = &HTTPError{Status: 400, Detail: "a part has no name"}
	errPartOver           = errors.New("quart: a part is read after its turn")
)

// Parts ranges over the parts of a body of type multipart/form-data (RFC 7578) while they arrive, files and fields alike, in constant
// memory. Nothing is kept: how much of a part is read is up to the caller, and what is left of it is skipped. An error is the last
// element, with a nil Part: ErrTooLarge (413) for a body over its limit, more than 1,000 parts or a part with a head over 64 KiB, ErrTimeout,
// 400 for a body that is malformed or cut short, a part without name or a missing boundary, and 415 for another type of body. After one
// the connection is closed with the answer.
//
// The body's limit is 1 MiB: a route for uploads sets its own, by Route.BodyLimit. To have a form in memory, and its files in
// temporary ones, use Form and FormFile instead; what Body has read already can be ranged over, too.
func (c *Ctx) Parts() iter.Seq2[*Part, error] {
	c.live()
	return func(yield func(*Part, error) bool) {
		c.live()
		p, err := c.openParts()
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { p.current = nil }()
		for {
			part, err := p.next()
			if err == io.EOF || !yield(part, err) || err != nil {
				return
			}
		}
	}
}

func (c *Ctx) openParts() (*partsReader, error) {
	if !equalFold(c.mediaType(), "multipart/form-data") {
		return nil, errNotMultipart
	}
	boundary, err := c.boundary()
	if err != nil {
		return nil, err
	}
	src, err := c.formSource()
	if err != nil {
		return nil, err
	}
	p := &partsReader{c: c, src: src}
	p.mr = multipart.NewReader(p, boundary)
	return p, nil
}

// boundary is what separates the parts of the body.
func (c *Ctx) boundary() (string, error) {
	_, params, err := mime.ParseMediaType(string(c.fc.Request.Header.ContentType()))
	switch b := params["boundary"]; {
	case err != nil:
		return "", errBadBoundary
	case b == "":
		return "", errNoBoundary
	case !validBoundary(b):
		return "", errBadBoundary
	default:
		return b, nil
	}
}

// validBoundary checks the grammar of RFC 2046, section 5.1.1.
func validBoundary(s string) bool {
	for i := range len(s) {
		switch b := s[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		case strings.IndexByte("'()+_,-./:=?", b) >= 0:
		case b == ' ' && i < len(s)-1:
		default:
			return false
		}
	}
	return len(s) <= maxBoundary
}

// partsReader reads parts one by one. It is the source of its multipart.Reader, too, and counts what that takes for a head.
type partsReader struct {
	c       *Ctx
	src     io.Reader
	mr      *multipart.Reader
	current *partBody // what may be read
	n       int       // parts so far
	inHead  bool
	head    int // bytes taken for the head of the part to come
}

func (p *partsReader) Read(b []byte) (int, error) {
	if p.inHead && p.head > maxPartHead {
		return 0, errPartHead
	}
	n, err := p.src.Read(b)
	p.head += n
	return n, err
}

// next skips the rest of the current part and returns the one after it, io.EOF behind the last.
func (p *partsReader) next() (*Part, error) {
	if p.current != nil {
		if _, err := io.Copy(io.Discard, p.current); err != nil {
			return nil, err
		}
		p.current = nil
	}
	p.inHead, p.head = true, 0
	part, err := p.mr.NextPart()
	p.inHead = false
	switch {
	case err == io.EOF:
		return nil, io.EOF
	case err != nil:
		return nil, p.fail(err)
	case p.n == maxFormParts:
		return nil, p.fail(errManyParts)
	case part.FormName() == "":
		return nil, p.fail(errPartName)
	}
	p.n++
	p.current = &partBody{p, part}
	return &Part{part.FormName(), baseName(part.FileName()), part.Header.Get("Content-Type"), p.current}, nil
}

// fail ends the reading of parts. Why the body failed, if it did, goes before what the parser made of it.
func (p *partsReader) fail(err error) error {
	switch e := p.c.body.err; {
	case e != nil:
		return e
	case err == errManyParts || err == errPartName:
	case p.head > maxPartHead && p.current == nil, errors.Is(err, multipart.ErrMessageTooLarge):
		err = errPartHead
	default:
		err = errBodyCut
	}
	p.c.failBody(err)
	return err
}

// partBody is the body of one part, in its turn.
type partBody struct {
	p    *partsReader
	part *multipart.Part
}

func (b *partBody) Read(buf []byte) (int, error) {
	if b.p.current != b {
		return 0, errPartOver
	}
	n, err := b.part.Read(buf)
	if err != nil && err != io.EOF {
		err = b.p.fail(err)
	}
	return n, err
}

// baseName is the last element of a path of whatever system, without control characters.
func baseName(s string) string {
	s = s[strings.LastIndexAny(s, `/\`)+1:]
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return -1
		}
		return r
	}, s)
	if s == "." || s == ".." {
		return ""
	}
	return s
}

// ---- the whole form ----

var errNoFile error = &HTTPError{Status: 400, Detail: "the form lacks a file"}

// FormFile returns the first file of that name in a multipart form. It is valid, and its Open works, until the handler returns: the files of a
// body over 500 kB, or of a chunked one, lie in a temporary file that goes away then. Its Filename has no path, as Part.FileName. A missing
// file is a 400; other errors are Body's, and 413 for more than 1,000 parts or over 500 kB of text. Files count to the body's
// limit only.
func (c *Ctx) FormFile(name string) (*multipart.FileHeader, error) {
	c.live()
	if err := c.readForm(); err != nil {
		return nil, err
	}
	if c.body.form == nil || len(c.body.form.File[name]) == 0 {
		return nil, errNoFile
	}
	return c.body.form.File[name][0], nil
}

func (c *Ctx) readMultipart() error {
	boundary, err := c.boundary()
	if err == errNoBoundary {
		return nil // as Flask: an empty form
	}
	if err != nil {
		return err
	}
	src, err := c.formSource()
	if err != nil {
		return err
	}
	form, err := multipart.NewReader(src, boundary).ReadForm(c.formMemory())
	if err == nil && textOf(form) > maxFormMemory {
		_ = form.RemoveAll()
		err = multipart.ErrMessageTooLarge
	}
	if err != nil {
		return c.formError(err)
	}
	for _, files := range form.File {
		for _, f := range files {
			f.Filename = baseName(f.Filename)
		}
	}
	c.body.form = form
	return nil
}

func (c *Ctx) formError(err error) error {
	if c.body.err != nil { // the body itself failed
		return c.body.err
	}
	e := errBodyCut
	if errors.Is(err, multipart.ErrMessageTooLarge) {
		e = ErrTooLarge
	}
	c.failBody(e)
	return e
}

const (
	// formOverhead is for the heads of the parts, which ReadForm counts as memory.
	formOverhead = 1 << 20
	// readFormExtra is what ReadForm adds to its argument for what is no file.
	readFormExtra = 10 << 20
)

// formMemory is the argument of ReadForm. A small body is held in memory whatever it is. Of a larger one only fields are, in less than
// ReadForm would give them: what is negative as room for files is none.
func (c *Ctx) formMemory() int64 {
	if n := c.fc.Request.Header.ContentLength(); n >= 0 && n <= maxFormMemory {
		return maxFormMemory
	}
	return maxFormMemory + formOverhead - readFormExtra
}

// textOf is the size of a form's fields, which stay in memory.
func textOf(f *multipart.Form) (n int) {
	for k, values := range f.Value {
		for _, v := range values {
			n += len(k) + len(v)
		}
	}
	return n
}
