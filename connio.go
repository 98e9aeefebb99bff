package quart

import (
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/goquart/quart/http2"
	"github.com/goquart/quart/pool"
	"github.com/valyala/fasthttp"
)

// Unread takes back the first bytes, which were read to see what protocol the client speaks.
func (cs *connState) Unread(p []byte) { cs.early = append(cs.early, p...) }

// Read counts, and stamps what it waits for.
func (cs *connState) Read(p []byte) (n int, err error) {
	if len(cs.early) > 0 {
		n = copy(p, cs.early)
		cs.early = cs.early[n:]
		return n, nil // they were counted
	}
	if cs.stamp().phase() == phaseHandler {
		n, err = cs.readNext(p)
	} else {
		n, err = cs.inner.Read(p)
	}
	cs.in.Add(uint64(n))
	if err != nil && cs.flags.Load()&flagSilent != 0 {
		return n, io.EOF // fasthttp closes without an answer
	}
	return n, err
}

func (cs *connState) readNext(p []byte) (n int, err error) {
	switch cs.next {
	case phaseIdle:
		cs.behind = false // fasthttp has flushed before it waits
		cs.move(phaseIdle, cs.table.deadline(cs.table.idle))
		if n, err = cs.inner.Read(p); n > 0 {
			cs.move(phaseHeader, cs.table.deadline(cs.table.header))
		}
		return n, err
	case phaseHeader:
		cs.behind = false
		cs.move(phaseHeader, cs.table.deadline(cs.table.header))
		return cs.inner.Read(p)
	}
	return cs.readBody(p)
}

// readBody reads for a handler, or for fasthttp that drains what the handler left. Time counts while the client is waited for,
// not while the handler computes between two reads.
func (cs *connState) readBody(p []byte) (n int, err error) {
	switch {
	case cs.wireLimit != 0 && cs.in.Load() >= cs.wireLimit:
		err = errBodyWire
	case !cs.enterBody():
		err = os.ErrDeadlineExceeded
	default:
		n, err = cs.inner.Read(p)
		cs.leaveBody()
	}
	if err != nil && n == 0 {
		cs.bodyErr = err
	}
	return n, err
}

// Write writes p in pieces, each under the write limit. After a cut all writes fail. There is one writer at a time.
func (cs *connState) Write(p []byte) (n int, err error) {
	for len(p)-n > writePiece+writePiece/4 && err == nil {
		var m int
		m, err = cs.writeOnce(p[n : n+writePiece])
		n += m
	}
	if err != nil {
		return n, err
	}
	m, err := cs.writeOnce(p[n:])
	return n + m, err
}

// twoPieces is what writev takes.
type twoPieces struct {
	pieces [2][]byte
	bufs   net.Buffers
}

var twoPiecesPool = pool.New(func(t *twoPieces) { t.pieces, t.bufs = [2][]byte{}, nil })

// writeTwo is Write of a short head and of p behind it, without copying p where the system can gather.
//
// perf: a message of 64 KiB costs 5 to 10 % less (bench/sockets, "large").
func (cs *connState) writeTwo(head, p []byte) error {
	t := twoPiecesPool.Get()
	defer twoPiecesPool.Put(t)
	first := p[:min(len(p), writePiece)]
	if _, ok := cs.inner.(*net.TCPConn); !ok { // a record of TLS for the head alone would be seen
		buf := pool.GetBuffer(len(head) + len(first))
		buf.B = append(append(buf.B, head...), first...)
		_, err := cs.Write(buf.B)
		pool.PutBuffer(buf)
		if err != nil {
			return err
		}
	} else {
		t.pieces = [2][]byte{head, first}
		t.bufs = t.pieces[:]
		if err := cs.beginWrite(); err != nil {
			return err
		}
		n, err := t.bufs.WriteTo(cs.inner)
		cs.endWrite(int(n), err)
		if err != nil {
			return err
		}
	}
	if len(first) == len(p) {
		return nil
	}
	_, err := cs.Write(p[len(first):])
	return err
}

func (cs *connState) writeOnce(p []byte) (int, error) {
	if err := cs.beginWrite(); err != nil {
		return 0, err
	}
	n, err := cs.inner.Write(p)
	cs.endWrite(n, err)
	return n, err
}

func (cs *connState) beginWrite() error {
	switch flags := cs.flags.Load(); {
	case flags&(flagWriteFailed|flagTaken) != 0:
		return os.ErrDeadlineExceeded
	case flags&flagUnsent != 0:
		cs.flags.And(^flagUnsent)
	}
	cs.served.Store(cs.begun)
	cs.stampWrite()
	return nil
}

func (cs *connState) stampWrite() {
	cs.writing.Store(uint64(newStamp(0, cs.table.deadline(cs.table.write))))
}

func (cs *connState) endWrite(n int, err error) {
	cs.out.Add(uint64(n))
	if !stamp(cs.writing.Swap(0)).expired() {
		return
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if err != nil {
		cs.flags.Or(flagWriteFailed)
		return
	}
	_ = cs.raw.SetWriteDeadline(time.Time{})
}

// SetReadDeadline works as ever, with one exception: while a head is read only fasthttp calls it, with the ReadTimeout
// that HeaderReceived returned. That is the signal that a body is awaited, and costs no timer.
func (cs *connState) SetReadDeadline(t time.Time) error {
	if p := cs.stamp().phase(); !t.IsZero() && (p == phaseHeader || p == phaseHandler && cs.next == phaseHeader) {
		cs.headReceived(time.Until(t))
		return nil
	}
	return cs.inner.SetReadDeadline(t)
}

// SetDeadline with the zero time is what fasthttp does right before it starts a hijack handler.
func (cs *connState) SetDeadline(t time.Time) error {
	if cs.stamp().phase() == phaseHandler && t.IsZero() {
		cs.handOver()
	}
	return cs.inner.SetDeadline(t)
}

// SetWriteDeadline sets a deadline besides the limit per write.
func (cs *connState) SetWriteDeadline(t time.Time) error { return cs.inner.SetWriteDeadline(t) }

// ---- sendfile ----

// ReadFrom sends a file by sendfile, in pieces under the write limit. Other sources are copied: a source that is slow
// itself must not count as a slow client.
func (c *tcpConn) ReadFrom(r io.Reader) (int64, error) {
	switch r := r.(type) {
	case *os.File:
		return c.sendFile(&io.LimitedReader{R: r, N: math.MaxInt64})
	case *io.LimitedReader:
		if _, ok := r.R.(*os.File); ok {
			return c.sendFile(r)
		}
	}
	return c.copyFrom(r)
}

// sendFile lends lr's count to each piece, so that no reader is allocated.
func (c *tcpConn) sendFile(lr *io.LimitedReader) (total int64, err error) {
	for lr.N > 0 && err == nil {
		rest := max(lr.N-writePiece, 0)
		lr.N -= rest
		asked := lr.N
		if err = c.beginWrite(); err != nil {
			lr.N += rest
			return total, err
		}
		var n int64
		n, err = c.TCPConn.ReadFrom(lr)
		c.endWrite(int(n), err)
		lr.N += rest
		total += n
		if n < asked {
			break // end of the file
		}
	}
	return total, err
}

var copyBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

func (c *tcpConn) copyFrom(r io.Reader) (total int64, err error) {
	buf := copyBuffers.Get().(*[32 << 10]byte)
	defer copyBuffers.Put(buf)
	for {
		n, readErr := r.Read(buf[:])
		if n > 0 {
			m, err := c.Write(buf[:n])
			total += int64(m)
			if err != nil {
				return total, err
			}
		}
		if readErr == io.EOF {
			return total, nil
		}
		if readErr != nil {
			return total, readErr
		}
	}
}

// ---- close ----

// Close closes the connection once; later calls do nothing. While it is parked it does nothing either: fasthttp closes
// what a hijack handler leaves, and a parked connection outlives its handler. Its end is shut.
//
// It may block for lingerTime, and under TLS for up to 5 s more when the peer takes no alert.
func (cs *connState) Close() error {
	if cs.stamp().phase() == phaseParked {
		return nil
	}
	return cs.shut()
}

// shut is Close, parked or not.
func (cs *connState) shut() error {
	if cs.flags.Or(flagClosed)&flagClosed != 0 {
		return nil
	}
	old := stamp(cs.phase.Swap(uint64(newStamp(phaseClosed, 0)))).phase()
	cs.unwatch()
	err := cs.closeWire(old)
	cs.table.remove(cs)
	if cs.owner != nil {
		cs.countOwner(-1)
	}
	if old == phaseHijacked || old == phaseParked {
		cs.complete() // fasthttp calls no hook any more
	}
	return err
}

func (cs *connState) closeWire(old phase) error {
	flags := cs.flags.Load()
	switch {
	case flags&flagWriteFailed != 0:
		return cs.abort()
	case old == phaseIdle || old == phaseNew || old >= phaseHijacked && flags&flagLinger == 0:
		return cs.inner.Close()
	case flags&flagLinger != 0 || cs.table.draining.Load():
		// A drain cuts pipelined requests off: they are unread input, too.
		cs.drain()
		return cs.raw.Close()
	}
	return cs.inner.Close()
}

// takeOver answers in the place of a handler that still runs, and closes: for another goroutine than the worker. Where
// bytes of an answer are out already or wait in fasthttp's buffer it only closes. The worker's later writes fail.
func (cs *connState) takeOver(answer string) {
	intact := cs.writing.Load() == 0 && cs.unanswered()
	if cs.flags.Or(flagTaken|flagLinger)&flagUnsent == 0 && intact {
		cs.stampWrite()
		n, err := io.WriteString(cs.inner, answer)
		cs.endWrite(n, err)
	}
	_ = cs.shut()
}

// answerEarly answers in the place of a stream that failed before a byte of its response left, for the worker, which closes the connection
// then. It reports false when other bytes are in front.
func (cs *connState) answerEarly(e *HTTPError, fc *fasthttp.RequestCtx) bool {
	if cs == nil || cs.flags.Load()&flagUnsent != 0 || !cs.unanswered() {
		return false
	}
	cs.linger()
	body := appendProblem(nil, e)
	b := appendStatus([]byte("HTTP/1.1 "), e.Status)
	b = append(fasthttp.AppendHTTPDate(append(b, "\r\nDate: "...), time.Now()), "\r\n"...)
	for key, value := range fc.Response.Header.All() { // those that are not about the body stay, as in other errors
		if staysInProblem(string(key)) {
			b = append(append(append(append(b, key...), ": "...), value...), "\r\n"...)
		}
	}
	b = append(b, "Content-Type: application/problem+json\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\nContent-Length: "...)
	b = append(strconv.AppendInt(b, int64(len(body)), 10), "\r\n\r\n"...)
	_, err := cs.Write(append(b, body...))
	return err == nil
}

// cutOff closes the connection from another goroutine than the worker, whose writes fail from here on.
func (cs *connState) cutOff() {
	if cs == nil {
		return
	}
	cs.flags.Or(flagTaken)
	_ = cs.abort() // not a proper end, of a body that the close ends
}

// abort frees the socket with what it still holds: the peer does not read it.
func (cs *connState) abort() error {
	switch c := cs.raw.(type) {
	case *net.TCPConn:
		_ = c.SetLinger(0)
	case *http2.Stream:
		c.Reset(http2.Cancel)
	}
	return cs.raw.Close()
}

// halfCloser is a real socket. Others know no reset, so they need no drain.
type halfCloser interface{ CloseWrite() error }

// drain says that no more comes and then takes what the client still sends, within lingerTime and lingerBytes. Under TLS
// it reads the records as they are.
func (cs *connState) drain() {
	raw, ok := cs.raw.(halfCloser)
	if !ok {
		return
	}
	end := time.Now().Add(lingerTime)
	cs.mu.Lock()
	err := cs.raw.SetReadDeadline(end)
	cs.mu.Unlock()
	if err != nil {
		return
	}
	if c, ok := cs.inner.(*tls.Conn); ok {
		_ = c.CloseWrite()
	}
	if raw.CloseWrite() != nil {
		return
	}
	_, _ = io.Copy(io.Discard, &io.LimitedReader{R: cs.raw, N: lingerBytes})
}

// kill closes at once from outside, when the grace is over: no alert, no drain. The goroutine that owns the connection
// finds it closed and calls Close itself.
func (cs *connState) kill() {
	if cs.flags.Load()&(flagFinite|flagStream) != 0 {
		_ = cs.abort() // its close would be the end of the response
		return
	}
	_ = cs.raw.Close()
}

// statusOfReadError is the status for an error that fasthttp met while it read a request.
func statusOfReadError(err error) int {
	var small *fasthttp.ErrSmallBuffer
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &small):
		return fasthttp.StatusRequestHeaderFieldsTooLarge
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return fasthttp.StatusRequestEntityTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fasthttp.StatusRequestTimeout
	}
	return fasthttp.StatusBadRequest
}
