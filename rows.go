package quart

import (
	"iter"
	"reflect"
	"time"

	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
)

// Rows is an Out that is streamed as it is read, a row of a query after the other: as a JSON array, or as NDJSON, one value a
// line, when Accept prefers application/x-ndjson. Made by RowsOf.
type Rows[T any] struct{ seq iter.Seq2[T, error] }

// RowsOf returns the rows of seq, which runs in the goroutine of the connection, the greater part of it after the handler has returned: it may
// use c.Context(), which lives on, but not c. It ends at the first error. Memory is that of 16 KiB of encoded rows, however many there are.
//
// The first 16 KiB are read before the answer begins: an error until then is answered as any other, and a smaller result has a
// Content-Length. A later one cuts the connection, so that the client can tell. From then on the
// rows are sent every 16 KiB, or with the first row after 100 ms. When the client leaves, c.Context() ends and seq's yield returns false.
func RowsOf[T any](seq iter.Seq2[T, error]) Rows[T] { return Rows[T]{seq} }

// Answers documents both forms.
func (Rows[T]) Answers() []Answer {
	return []Answer{
		{ContentType: contentTypeJSON, Body: reflect.TypeFor[[]T]()},
		{ContentType: string(ctNDJSON), Body: reflect.TypeFor[T]()},
	}
}

const (
	rowsPiece = 16 << 10
	rowsFlush = 100 * time.Millisecond
)

var (
	ctNDJSON   = []byte("application/x-ndjson")
	rowsOffers = []string{"application/json", "application/x-ndjson"}
)

// Respond implements Responder. In a plain handler: return quart.RowsOf(seq).Respond(c).
func (r Rows[T]) Respond(c *Ctx) error {
	c.live()
	Vary(c, "Accept")
	accept := c.fc.Request.Header.Peek("Accept")
	lines := len(accept) > 0 && wire.MediaType(accept, rowsOffers) == 1
	contentType := ctJSON
	if lines {
		contentType = ctNDJSON
	}
	e := &rowEncoder[T]{codec: c.app.cfg.JSON, lines: lines}
	if r.seq == nil { // the zero Rows is empty
		r.seq = func(func(T, error) bool) {}
	}
	e.next, e.stop = iter.Pull2(r.seq)
	started := false
	defer func() {
		if !started {
			e.stop()
		}
	}()
	buf := pool.GetBuffer(rowsPiece)
	more, err := e.fill(buf, rowsPiece)
	switch {
	case err != nil:
		pool.PutBuffer(buf)
		return err
	case !more:
		defer pool.PutBuffer(buf)
		return c.Bytes(c.Status(), string(contentType), buf.B)
	}
	started = true
	c.stream(string(contentType), func(w *StreamWriter) error {
		first := buf
		buf = nil
		return e.stream(w, first)
	}, func() {
		e.stop()
		if buf != nil { // it never ran
			pool.PutBuffer(buf)
		}
	})
	return nil
}

// rowEncoder encodes rows as they are pulled.
type rowEncoder[T any] struct {
	codec JSONCodec
	lines bool
	next  func() (T, error, bool)
	stop  func()
	row   T
	begun bool
}

// fill appends rows until b holds n bytes. more is false once the end was appended.
func (e *rowEncoder[T]) fill(b *pool.Buffer, n int) (more bool, err error) {
	for len(b.B) < n {
		if more, err = e.append(b); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// append appends the next row, or the end.
func (e *rowEncoder[T]) append(b *pool.Buffer) (more bool, err error) {
	row, err, ok := e.next()
	if err != nil {
		return false, err
	}
	if !ok {
		b.B = e.end(b.B)
		return false, nil
	}
	if !e.lines {
		b.B = append(b.B, e.separator())
	}
	e.begun = true
	e.row = row
	b.B, err = e.codec.Append(b.B, &e.row)
	if e.lines {
		b.B = append(b.B, '\n')
	}
	return true, err
}

func (e *rowEncoder[T]) separator() byte {
	if e.begun {
		return ','
	}
	return '['
}

func (e *rowEncoder[T]) end(b []byte) []byte {
	if e.lines {
		return b
	}
	if !e.begun {
		b = append(b, '[')
	}
	return append(b, ']')
}

// stream sends what fill left, and the rest.
func (e *rowEncoder[T]) stream(w *StreamWriter, buf *pool.Buffer) error {
	defer pool.PutBuffer(buf)
	sent := time.Now()
	for more := true; ; {
		if _, err := w.Write(buf.B); err != nil {
			return err
		}
		if !more {
			return nil
		}
		if time.Since(sent) >= rowsFlush {
			if err := w.Flush(); err != nil {
				return err
			}
			sent = time.Now()
		}
		var err error
		buf.B = buf.B[:0]
		if more, err = e.append(buf); err != nil {
			return err
		}
	}
}
