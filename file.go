package quart

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/goquart/quart/internal/bytesconv"
	"github.com/goquart/quart/internal/wire"
	"github.com/valyala/fasthttp"
)

// FileOptions say how a file or other content is sent. The zero value sends it to be shown, and to be asked about again
// before it is shown a second time.
type FileOptions struct {
	// Name is what a browser calls the file when it saves it (RFC 6266, with filename* of RFC 8187 for what is not ASCII). Folders in it
	// are cut off, control characters left out. "" is none, or for an Attachment by SendFile the name of the file. (Flask: download_name.)
	Name string
	// Attachment asks the browser to save the file instead of showing it. Say so for what users have uploaded: an HTML or SVG file of theirs
	// runs its scripts in your origin. (Flask: as_attachment.)
	Attachment bool
	// ContentType is the media type. "" goes by the extension of Name or of the file, from a table that is the same on all
	// machines, with UTF-8 for text types; unknown ones are application/octet-stream. (Flask: mimetype.)
	ContentType string
	// ETag is the entity tag, as `"v1"` or `W/"v1"`. "" makes one of size and ModTime, if that is known. It is weak while the file is younger
	// than two seconds: until then it could change again without a change of time or size. (Flask: etag.)
	ETag string
	// ModTime is the time of the last modification. Zero takes the file's; SendContent has none then. (Flask: last_modified.)
	ModTime time.Time
	// MaxAge is how long the client may use what it has without asking again: "private, max-age=...". Zero is
	// "no-cache": it keeps the content and asks each time, which costs a 304 where there is an ETag or a ModTime. Negative sends no Cache-Control.
	// One that was set on the response before is kept, for proxies that may keep it, too. (Flask: max_age.)
	MaxAge time.Duration
}

const (
	inlineFile = 16 << 10        // bytes of a file or range up to which it is read into the response
	recentFile = 2 * time.Second // the coarsest granularity of file times
)

// SendFile answers with a file of the file system, to which the program chose the path: a path from a request belongs to Static, or goes through
// os.Root. Up to 16 KiB are read into the response; more is sent when the handler and its layers have returned, by sendfile(2) on
// Linux and plain TCP, a buffer of 32 KiB at a time otherwise.
//
// The conditions of the request are answered with 304 or 412 (see CheckConditions), a Range of a GET with 206: one range, of
// either kind, or several that make up one. For others the whole file is the answer, as for a Range that is malformed, or not
// meant for this state (If-Range). A range behind the end is a 416. HEAD gets the head that GET has without a Range.
//
// A file that is not there, is a directory, a device, a pipe or a socket, or may not be read, is a 404; the last is logged. Other failures
// are a 500. A file that shrinks while it is sent cuts the connection, so that nobody takes the part for all; of one that grows
// the size at the start is sent.
//
// It costs an open, a stat and a close, and the allocations of package os. (Flask: send_file.)
func (c *Ctx) SendFile(path string, opt FileOptions) error {
	c.live()
	f, err := os.OpenFile(path, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return c.openError(path, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotFound
	}
	if err != nil {
		_ = f.Close()
		return err
	}
	if opt.ModTime.IsZero() {
		opt.ModTime = info.ModTime()
	}
	base := filepath.Base(path)
	if opt.Attachment && opt.Name == "" {
		opt.Name = base
	}
	if opt.ContentType == "" && opt.Name == "" {
		opt.ContentType = contentTypeOf(base)
	}
	return c.sendOpen(f, info.Size(), &opt)
}

// SendContent answers with all of r, from its start, with conditions and ranges as SendFile does it. r is used until the
// response is written, after the handler returned, and then closed if it is an io.Closer, also when it is not sent. An *os.File is sent
// as by SendFile. r is asked for its size by seeking to its end, and must have that many bytes then. An error of r before the head
// is sent is a 500; after it, it cuts the connection. (Flask: send_file with a file object.)
func (c *Ctx) SendContent(r io.ReadSeeker, opt FileOptions) error {
	c.live()
	size, err := r.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = r.Seek(0, io.SeekStart)
	}
	if err != nil {
		closeReader(r)
		return fmt.Errorf("quart: the size of the content: %w", err)
	}
	return c.sendOpen(r, size, &opt)
}

func (c *Ctx) sendOpen(r io.ReadSeeker, size int64, opt *FileOptions) error {
	if !wire.ValidFieldValue(opt.ContentType) {
		closeReader(r)
		c.refuseHeader("Content-Type")
		return nil
	}
	rep, err := opt.represent(size)
	if err != nil {
		closeReader(r)
		return err
	}
	return c.sendRepresentation(&rep, r)
}

// represent compiles the options for content of size bytes.
func (opt *FileOptions) represent(size int64) (rep representation, err error) {
	rep.size = size
	rep.setTime(opt.ModTime, "")
	if opt.ETag != "" {
		rep.etag = bytesconv.Bytes(opt.ETag)
		if !wire.ValidETag(rep.etag) {
			return rep, errETag(opt.ETag)
		}
	}
	contentType := opt.ContentType
	if contentType == "" {
		contentType = contentTypeOf(opt.Name)
	}
	rep.contentType = bytesconv.Bytes(contentType)
	switch {
	case opt.Attachment:
		rep.disposition = wire.AppendDisposition(nil, "attachment", opt.Name)
	case opt.Name != "":
		rep.disposition = wire.AppendDisposition(nil, "inline", opt.Name)
	}
	rep.cacheControl = cacheControl("private", opt.MaxAge)
	return rep, nil
}

var strNoCache = []byte("no-cache")

// cacheControl makes the field of FileOptions.MaxAge and StaticOptions.MaxAge.
func cacheControl(scope string, maxAge time.Duration) []byte {
	switch {
	case maxAge < 0:
		return nil
	case maxAge < time.Second:
		return strNoCache
	}
	return strconv.AppendInt([]byte(scope+", max-age="), int64(maxAge/time.Second), 10)
}

// representation is content with all that its head says. A cached one is shared by requests, and read-only.
type representation struct {
	validators
	size         int64
	data         []byte // all of it, or nil: then it comes from a reader
	contentType  []byte
	encoding     []byte // Content-Encoding; nil for none
	disposition  []byte
	cacheControl []byte
	weak         bool // etag is weak because the time is too recent
}

// setTime sets the validators that come from a time of modification. A suffix keeps the tags of encodings apart.
func (rep *representation) setTime(t time.Time, suffix string) {
	if !known(t) {
		return
	}
	rep.modified = t
	rep.date = appendModified(nil, t)
	b := make([]byte, 0, 48)
	if rep.weak = time.Since(t) < recentFile; rep.weak {
		b = append(b, "W/"...)
	}
	b = strconv.AppendInt(append(b, '"'), t.UnixNano(), 36)
	b = strconv.AppendInt(append(b, '-'), rep.size, 36)
	rep.etag = append(append(b, suffix...), '"')
}

// sendRepresentation answers with rep. r, which is nil when rep has its data, stands at its start; it is closed, now or when it is sent. Ranges need
// an r that can seek.
func (c *Ctx) sendRepresentation(rep *representation, r io.Reader) error {
	seeker, seekable := r.(io.Seeker)
	seekable = seekable || r == nil
	part, partial, known, err := c.partOf(rep, seekable)
	if known {
		closeReader(r)
		c.setCacheControl(rep)
		c.answerNotModified(&rep.validators)
		return nil
	}
	if err == nil && part.Start > 0 && seeker != nil {
		_, err = seeker.Seek(part.Start, io.SeekStart)
	}
	if err == nil {
		err = c.setFileBody(rep, r, part, partial)
	}
	if err != nil {
		closeReader(r)
		return err
	}
	c.setFileHead(rep, seekable)
	if partial {
		c.fc.Response.SetStatusCode(fasthttp.StatusPartialContent)
		c.setContentRange(part, rep.size)
	}
	return nil
}

// partOf evaluates conditions and Range: known is that the client has rep already, partial that it asks for a part of it.
func (c *Ctx) partOf(rep *representation, seekable bool) (part ByteRange, partial, known bool, err error) {
	part = ByteRange{Start: 0, Length: rep.size}
	if !c.conditional() {
		return part, false, false, nil
	}
	switch c.evaluate(&rep.validators) {
	case notModified:
		return part, false, true, nil
	case conditionFailed:
		return part, false, false, errCondition
	}
	if seekable {
		part, partial, err = c.rangeOf(&rep.validators, rep.size)
	}
	return part, partial, false, err
}

// setFileBody starts the response with what is in memory already, is read there now, or is sent later.
func (c *Ctx) setFileBody(rep *representation, r io.Reader, part ByteRange, partial bool) error {
	resp := &c.fc.Response
	switch {
	case r == nil:
		c.start(fasthttp.StatusOK, rep.contentType)
		end := part.Start + part.Length
		resp.SetBodyRaw(rep.data[part.Start:end:end])
	case part.Length <= inlineFile:
		body, err := readInline(resp.SwapBody(nil), r, int(part.Length))
		if err != nil {
			resp.SwapBody(body)
			return err
		}
		c.start(fasthttp.StatusOK, rep.contentType)
		resp.SwapBody(body)
		closeReader(r)
	default:
		encoded := len(rep.encoding) > 0 || len(resp.Header.ContentEncoding()) > 0
		c.respondLater(fasthttp.StatusOK, rep.contentType, &fileBody{
			rest:  io.LimitedReader{R: r, N: part.Length},
			whole: !partial && !encoded,
		})
	}
	return nil
}

// readInline reads n bytes into buf, whatever it holds.
func readInline(buf []byte, r io.Reader, n int) ([]byte, error) {
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err := io.ReadFull(r, buf); err != nil {
		return buf[:0], fmt.Errorf("quart: the content is shorter than its size, or cannot be read: %w", err)
	}
	return buf, nil
}

func (c *Ctx) setFileHead(rep *representation, seekable bool) {
	h := &c.fc.Response.Header
	if len(rep.encoding) > 0 {
		h.SetContentEncodingBytes(rep.encoding)
	}
	if len(rep.disposition) > 0 {
		h.SetCanonical(dispositionName, rep.disposition)
	}
	if seekable {
		h.SetCanonical(acceptRangesName, strBytes)
	}
	if rep.size == 0 {
		h.SetContentLength(0) // fasthttp leaves it out of an answer to HEAD
	}
	c.setCacheControl(rep)
	c.setValidators(&rep.validators)
}

var (
	dispositionName  = []byte("Content-Disposition")
	cacheControlName = []byte("Cache-Control")
)

// setCacheControl keeps what the program has set.
func (c *Ctx) setCacheControl(rep *representation) {
	h := &c.fc.Response.Header
	if len(rep.cacheControl) > 0 && (rep.pristine(c) || len(h.PeekBytes(cacheControlName)) == 0) {
		h.SetCanonical(cacheControlName, rep.cacheControl)
	}
}

// pristine reports whether nobody can have set a header before: a cached file of a route without layers.
//
// perf: it spares a search of the response's headers (BenchmarkQuartStaticFile).
func (rep *representation) pristine(c *Ctx) bool { return rep.data != nil && len(c.route.layers) == 0 }

func closeReader(r io.Reader) {
	if cl, ok := r.(io.Closer); ok {
		_ = cl.Close()
	}
}

// openError is what a file that cannot be opened is answered with.
func (c *Ctx) openError(name string, err error) error {
	if !notThere(err) {
		return fmt.Errorf("quart: %w", err)
	}
	if errors.Is(err, fs.ErrPermission) {
		c.Log().Warn("a file is answered 404, because it may not be read", "file", name, "error", err.Error())
	}
	return ErrNotFound
}

// notThere reports whether an error of opening a file means that nothing is to be had under its name, not that the system failed.
func notThere(err error) bool {
	return slices.ContainsFunc(noFileErrors, func(e error) bool { return errors.Is(err, e) })
}

var noFileErrors = []error{
	fs.ErrNotExist, fs.ErrPermission, fs.ErrInvalid,
	syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP, syscall.EINVAL, syscall.ENXIO,
}

// ---- the body that is sent later ----

// fileBody is a file or a part of it as the body of a response.
type fileBody struct {
	rest   io.LimitedReader // R is the file, N what is still to be sent
	whole  bool             // neither a range nor encoded: a filter may transform it
	direct bool             // the connection takes it from the file, by sendfile
	closed atomic.Bool
	log    *slog.Logger
	route  *Route
}

func (b *fileBody) takesFilter() bool { return b.whole }

func (b *fileBody) drop() { _ = b.Close() }

func (b *fileBody) send(c *Ctx) {
	b.log, b.route = c.Log(), c.route
	if c.filter != nil {
		b.sendFiltered(c)
		return
	}
	size := -1 // where int has 32 bits, more is sent chunked
	if b.rest.N <= math.MaxInt {
		size = int(b.rest.N)
	}
	if _, ok := b.rest.R.(*os.File); ok {
		_, b.direct = c.fc.Conn().(io.ReaderFrom)
	}
	c.fc.Response.SetBodyStream(b, size)
}

// sendFiltered makes a stream of the file: its size is not known.
func (b *fileBody) sendFiltered(c *Ctx) {
	c.fc.Response.Header.Del("Accept-Ranges")
	if c.fc.IsHead() {
		_ = b.Close() // the producer does not run
	} else {
		c.conn.onComplete(func(error) { _ = b.Close() }) // nor does it when the connection fails before
	}
	stream := &streamBody{StreamWriter{produce: func(w *StreamWriter) error {
		defer b.Close()
		_, err := b.WriteTo(w)
		return err
	}}}
	stream.send(c)
}

// SupportsBodyWriteTo lets fasthttp call WriteTo.
func (b *fileBody) SupportsBodyWriteTo() bool { return true }

// WriteTo sends the file. Whatever is short of the declared size is an error, which closes the connection. Of errors, those of the file are logged.
func (b *fileBody) WriteTo(w io.Writer) (n int64, err error) {
	want := b.rest.N
	var readErr error
	if rf, ok := w.(io.ReaderFrom); ok && b.direct {
		n, err = rf.ReadFrom(&b.rest) // fasthttp passes a file in a LimitedReader on to the connection
	} else {
		n, readErr, err = copyPieces(w, &b.rest)
	}
	if err != nil {
		return n, err
	}
	if readErr == nil && n < want {
		readErr = fmt.Errorf("%d bytes are missing: %w", want-n, io.ErrUnexpectedEOF)
	}
	if readErr != nil {
		logStreamError(b.log, b.route, "a file cannot be read to its end", readErr)
	}
	return n, readErr
}

// copyPieces copies with a pooled buffer, large enough for whole TLS records. Unlike io.Copy it asks neither side for a way of its own.
func copyPieces(w io.Writer, r io.Reader) (total int64, readErr, writeErr error) {
	buf := copyBuffers.Get().(*[32 << 10]byte)
	defer copyBuffers.Put(buf)
	for {
		n, err := r.Read(buf[:])
		if n > 0 {
			m, writeErr := w.Write(buf[:n])
			total += int64(m)
			if writeErr != nil {
				return total, nil, writeErr
			}
		}
		if err == io.EOF {
			return total, nil, nil
		}
		if err != nil {
			return total, err, nil
		}
	}
}

// Read is for servers that do not write by WriteTo.
func (b *fileBody) Read(p []byte) (int, error) {
	n, err := b.rest.Read(p)
	if err == io.EOF && b.rest.N > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close closes the file, once.
func (b *fileBody) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	if cl, ok := b.rest.R.(io.Closer); ok {
		return cl.Close()
	}
	return nil
}
