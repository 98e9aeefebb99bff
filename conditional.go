package quart

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/goquart/quart/internal/bytesconv"
	"github.com/goquart/quart/internal/wire"
	"github.com/valyala/fasthttp"
)

// Conditions are the conditional and range headers of a request (RFC 9110, sections 13.1 and 14.2).
// A time is zero when its header is missing or no HTTP date.
//
// CheckConditions, SendContent, SendFile and Static heed all of them in the right order: this is for what they do not cover.
type Conditions struct {
	IfMatch, IfNoneMatch               string
	IfModifiedSince, IfUnmodifiedSince time.Time
	IfRange, Range                     string
}

// ConditionsOf parses the conditional and range headers of c.
func ConditionsOf(c *Ctx) Conditions {
	c.live()
	ifMatch, _ := c.listField("If-Match")
	k := Conditions{IfMatch: c.str(ifMatch)}
	ifNoneMatch, _ := c.listField("If-None-Match")
	k.IfNoneMatch = c.str(ifNoneMatch)
	h := &c.fc.Request.Header
	k.IfModifiedSince = httpDate(h.Peek("If-Modified-Since"))
	k.IfUnmodifiedSince = httpDate(h.Peek("If-Unmodified-Since"))
	k.IfRange = c.str(h.Peek("If-Range"))
	k.Range = c.str(h.Peek("Range"))
	return k
}

func httpDate(b []byte) time.Time {
	if len(b) == 0 {
		return time.Time{}
	}
	t, err := fasthttp.ParseHTTPDate(b)
	if err != nil {
		return time.Time{}
	}
	return t
}

// MatchesETag reports whether IfNoneMatch lists etag, compared weakly: the client has this version.
func (c Conditions) MatchesETag(etag string) bool {
	return c.IfNoneMatch != "" && wire.ETagMatch(bytesconv.Bytes(c.IfNoneMatch), bytesconv.Bytes(etag), true)
}

// ByteRange is one range of a representation: Length bytes from Start.
type ByteRange = wire.Range

// Ranges resolves Range for a representation of size bytes: nil without the header. The error tells ranges that cannot be satisfied
// (416 by StatusOf) from a header that is to be ignored (any other error).
func (c Conditions) Ranges(size int64) ([]ByteRange, error) {
	if c.Range == "" {
		return nil, nil
	}
	ranges, err := wire.ParseRange(bytesconv.Bytes(c.Range), size, nil)
	if errors.Is(err, wire.ErrRangeUnsatisfiable) {
		err = errRange(size)
	}
	return ranges, err
}

// ETagOf returns the strong entity tag of content: a hash of it, in quotes. What has a version number or a date of its own makes a cheaper
// one: `"` + version + `"`. (Flask: add_etag.)
func ETagOf(content []byte) string {
	sum := sha256.Sum256(content)
	return `"` + hex.EncodeToString(sum[:etagBytes]) + `"`
}

// etagBytes of a hash make an entity tag: 128 bits do not collide by chance, nor by will where the client cannot choose content.
const etagBytes = 16

// CheckConditions tells whether the rest of the handler is needed, given the state of the resource: its entity tag, as `"v1"` or, if it only says
// that the content means the same, `W/"v1"`, and the time of its last modification. Leave out what is not known; both are left out for a
// resource that does not exist. When done is true, the handler returns err:
//
//	if done, err := quart.CheckConditions(c, film.ETag(), film.Modified); done {
//		return err
//	}
//
// The conditions of the request are evaluated in the order of RFC 9110, section 13.2.2. If-Match, compared strongly, or without it
// If-Unmodified-Since, guards against lost updates: err is a 412. If-None-Match, compared weakly, or without it If-Modified-Since spares GET and
// HEAD an answer that the client has: it is 304 then, and err is nil. With another method If-None-Match is a 412: "If-None-Match: *" lets PUT create
// but not replace. Range is not looked at: see SendContent.
//
// For GET and HEAD, ETag and Last-Modified are set on the response, a date in the future excepted. A responder keeps them; an
// error drops them. Answers to other methods get neither, as these would describe what is no more.
//
// An etag that is not one is a mistake of the program: done is true, and err a 500. 0 allocations unless
// it is. (Flask: response.make_conditional, before the work instead of after it.)
func CheckConditions(c *Ctx, etag string, modified time.Time) (done bool, err error) {
	c.live()
	tag := bytesconv.Bytes(etag)
	if etag != "" && !wire.ValidETag(tag) {
		return true, errETag(etag)
	}
	var date [32]byte
	v := validators{etag: tag, modified: modified, date: appendModified(date[:0], modified)}
	if c.conditional() {
		switch c.evaluate(&v) {
		case conditionFailed:
			return true, errCondition
		case notModified:
			c.answerNotModified(&v)
			return true, nil
		}
	}
	if c.reads() {
		c.setValidators(&v)
	}
	return false, nil
}

var errCondition error = &HTTPError{Status: 412, Detail: "the resource is not in the state that the request asks for"}

func errETag(etag string) error {
	return fmt.Errorf("quart: %.80q is no entity tag: it is written \"x\" or W/\"x\", quotes included, of visible characters", etag)
}

// validators tell one state of a representation from others (RFC 9110, section 8.8).
type validators struct {
	etag     []byte    // nil for none
	date     []byte    // the value of Last-Modified; nil for none
	modified time.Time // zero for none
}

// verdict is what the conditions of a request come to.
type verdict uint8

const (
	proceed verdict = iota
	notModified
	conditionFailed
)

// conditional reports whether the request may have conditions or a range.
//
// perf: one scan of the head spares a search for each of six fields, for requests that have none of them (BenchmarkQuartStaticFile).
func (c *Ctx) conditional() bool {
	raw := c.fc.Request.Header.RawHeaders()
	return len(raw) == 0 || wire.MayBeConditional(raw) // HTTP/2 and hand-made requests have no raw head
}

// evaluate follows RFC 9110, section 13.2.2, up to If-Range.
func (c *Ctx) evaluate(v *validators) verdict {
	exists := len(v.etag) > 0 || !v.modified.IsZero()
	if list, ok := c.listField("If-Match"); ok {
		if !exists || !wire.ETagMatch(list, v.etag, false) {
			return conditionFailed
		}
	} else if since := c.date("If-Unmodified-Since"); !since.IsZero() && v.newerThan(since) {
		return conditionFailed
	}
	if list, ok := c.listField("If-None-Match"); ok {
		switch {
		case !exists || !wire.ETagMatch(list, v.etag, true):
			return proceed
		case c.reads():
			return notModified
		}
		return conditionFailed
	}
	if v.modified.IsZero() || !c.reads() {
		return proceed
	}
	if since := c.date("If-Modified-Since"); !since.IsZero() && !v.newerThan(since) {
		return notModified
	}
	return proceed
}

// newerThan compares in seconds, as HTTP dates have no more. What has no date is not newer.
func (v *validators) newerThan(t time.Time) bool {
	return v.modified.Truncate(time.Second).After(t)
}

// reads reports whether c's method is GET or HEAD.
func (c *Ctx) reads() bool {
	h := &c.fc.Request.Header
	return h.IsGet() || h.IsHead()
}

// listField returns a list field of the request, its lines joined, and whether it is there.
func (c *Ctx) listField(name string) (list []byte, ok bool) {
	h := &c.fc.Request.Header
	if list = h.Peek(name); list == nil {
		return nil, false
	}
	if lines := h.PeekAll(name); len(lines) > 1 {
		return joinFields(lines), true
	}
	return list, true
}

// date is a date of the request, the zero time without one.
func (c *Ctx) date(name string) time.Time { return httpDate(c.fc.Request.Header.Peek(name)) }

var (
	etagName         = []byte("Etag")
	lastModifiedName = []byte("Last-Modified")
	acceptRangesName = []byte("Accept-Ranges")
	contentRangeName = []byte("Content-Range")
	strBytes         = []byte("bytes")
)

func (c *Ctx) setValidators(v *validators) {
	h := &c.fc.Response.Header
	if len(v.etag) > 0 {
		h.SetCanonical(etagName, v.etag)
	}
	if len(v.date) > 0 {
		h.SetCanonical(lastModifiedName, v.date)
	}
}

// answerNotModified writes a 304. Of what describes the representation only its tag is left, or without one its date; Cache-Control, Vary and
// Expires stay as they are set (RFC 9110, section 15.4.5).
func (c *Ctx) answerNotModified(v *validators) {
	c.fc.Response.ResetBody()
	c.start(fasthttp.StatusNotModified, nil)
	h := &c.fc.Response.Header
	if len(h.ContentEncoding()) > 0 {
		h.SetContentEncodingBytes(nil)
	}
	if len(v.etag) > 0 {
		h.SetCanonical(etagName, v.etag)
		return
	}
	h.SetCanonical(lastModifiedName, v.date)
}

// appendModified appends t as Last-Modified. A time in the future is left out: a server must not claim one (RFC 9110, section
// 8.8.2.1), and so is what stands for an unknown one.
func appendModified(dst []byte, t time.Time) []byte {
	if !known(t) || t.After(time.Now()) {
		return dst
	}
	return fasthttp.AppendHTTPDate(dst, t)
}

// known tells real times of modification from the zero time and from the epoch, which tools that make builds
// reproducible give to all files.
func known(t time.Time) bool { return !t.IsZero() && t.Unix() > 1 }

// rangeOf returns the part of a representation of size bytes that the request asks for; partial is false for all of it.
func (c *Ctx) rangeOf(v *validators, size int64) (part ByteRange, partial bool, err error) {
	all := ByteRange{Start: 0, Length: size}
	if !c.fc.Request.Header.IsGet() {
		return all, false, nil
	}
	header, ok := c.listField("Range")
	if !ok || !c.ifRange(v) {
		return all, false, nil
	}
	var buf [wire.MaxRanges]ByteRange
	ranges, err := wire.ParseRange(header, size, buf[:0])
	switch {
	case errors.Is(err, wire.ErrRangeUnsatisfiable):
		return all, false, errRange(size)
	case err != nil:
		return all, false, nil // malformed: ignored
	}
	if part, ok = wire.OneRange(ranges); !ok {
		return all, false, nil
	}
	return part, true, nil
}

func errRange(size int64) error {
	return &HTTPError{
		Status: 416, Detail: "the range lies behind the end of the resource",
		Header: [][2]string{{"Content-Range", "bytes */" + strconv.FormatInt(size, 10)}, {"Accept-Ranges", "bytes"}},
	}
}

// ifRange reports whether Range holds: without If-Range, or if that names just this state. A weak tag does not, nor does a date so
// recent that another state can have it, too (RFC 9110, sections 13.1.5 and 8.8.2.2).
func (c *Ctx) ifRange(v *validators) bool {
	value := c.fc.Request.Header.Peek("If-Range")
	switch {
	case value == nil:
		return true
	case wire.ValidETag(value):
		return len(v.etag) > 0 && wire.ETagMatch(value, v.etag, false)
	}
	date := httpDate(value)
	return !date.IsZero() && date.Equal(v.modified.Truncate(time.Second)) && time.Since(v.modified) >= time.Second
}

// setContentRange says which part of size bytes the body is (RFC 9110, section 14.4).
func (c *Ctx) setContentRange(part ByteRange, size int64) {
	var buf [80]byte
	b := strconv.AppendInt(append(buf[:0], "bytes "...), part.Start, 10)
	b = strconv.AppendInt(append(b, '-'), part.Start+part.Length-1, 10)
	b = strconv.AppendInt(append(b, '/'), size, 10)
	c.fc.Response.Header.SetCanonical(contentRangeName, b)
}
