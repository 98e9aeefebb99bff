package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/goquart/quart"
)

//go:embed data/www
var www embed.FS

// files is what /static/ serves: the directory of -www, or one with hello.txt.
func files(dir string) fs.FS {
	if dir != "" {
		return os.DirFS(dir)
	}
	sub, err := fs.Sub(www, "data/www")
	if err != nil {
		panic(err)
	}
	return sub
}

const (
	maxChunks = 1_000_000
	maxSize   = 16 << 20
)

// counts reads ?n= and ?size=.
func counts(c *quart.Ctx, defaultSize int) (n, size int, err error) {
	n, size = c.QueryInt("n", 1), c.QueryInt("size", defaultSize)
	if n < 0 || n > maxChunks || size < 0 || size > maxSize {
		return 0, 0, quart.Errorf(400, "n is at most %d and size at most %d", maxChunks, maxSize)
	}
	return n, size, nil
}

// stream sends n chunks of size bytes, one by one.
func stream(c *quart.Ctx) error {
	n, size, err := counts(c, 10)
	if err != nil {
		return err
	}
	return c.Stream("application/octet-stream", func(w *quart.StreamWriter) error {
		chunk := bytes.Repeat([]byte("x"), size)
		for range n {
			if _, err := w.Write(chunk); err != nil {
				return err
			}
			if err := w.Flush(); err != nil {
				return err
			}
		}
		return nil
	})
}

func fail(c *quart.Ctx) error {
	return c.Stream("text/plain; charset=utf-8", func(w *quart.StreamWriter) error {
		_, _ = w.WriteString("the first chunk\n")
		_ = w.Flush()
		return errors.New("this stream fails on purpose")
	})
}

// trailers sends the sum of a body behind it.
func trailers(c *quart.Ctx) error {
	c.SetHeader("Trailer", "X-Checksum")
	return c.Stream("text/plain; charset=utf-8", func(w *quart.StreamWriter) error {
		sum := sha256.New()
		for i := range 3 {
			line := "line " + strconv.Itoa(i) + "\n"
			sum.Write([]byte(line))
			if _, err := w.WriteString(line); err != nil {
				return err
			}
		}
		return w.SetTrailer("X-Checksum", hex.EncodeToString(sum.Sum(nil)))
	})
}

func hints(c *quart.Ctx) error {
	c.EarlyHints("</style.css>; rel=preload; as=style")
	return c.HTML(200, `<!doctype html><link rel="stylesheet" href="/style.css"><p>hello`)
}

// sse sends n events and ends, or, with hold, stays open; without n it ticks for ever. It goes on behind Last-Event-ID.
func sse(c *quart.Ctx) error {
	n, size, err := counts(c, 10)
	if err != nil {
		return err
	}
	endless, hold := c.Query("n") == "", c.Query("hold") == "1"
	return c.SSE(func(s *quart.EventStream) error {
		last, err := strconv.Atoi(s.LastEventID())
		if err != nil || last < 0 {
			last = 0
		}
		if endless {
			return tick(s, last)
		}
		data := strings.Repeat("x", size)
		for i := last + 1; i <= n; i++ {
			if err := s.Send(quart.Event{ID: strconv.Itoa(i), Data: data}); err != nil {
				return err
			}
		}
		if hold {
			return s.Park()
		}
		return nil
	})
}

func tick(s *quart.EventStream, id int) error {
	for t := range s.Tick(time.Second) {
		id++
		if err := s.Send(quart.Event{ID: strconv.Itoa(id), Data: t.UTC().Format(time.RFC3339)}); err != nil {
			return err
		}
	}
	return nil
}

// slow answers after ?ms=, unless the client leaves before.
func (s *server) slow(c *quart.Ctx) error {
	timer := time.NewTimer(time.Duration(c.QueryInt("ms", 0)) * time.Millisecond)
	defer timer.Stop()
	ctx := c.Context()
	select {
	case <-timer.C:
		return c.Text(200, "slow")
	case <-ctx.Done():
		if context.Cause(ctx) == quart.ErrClosed {
			s.gone.Add(1)
		}
		return ctx.Err()
	}
}

func (s *server) showGone(c *quart.Ctx) error {
	return c.Text(200, strconv.FormatInt(s.gone.Load(), 10))
}

// upload adds up the sizes of the files of a multipart body, as it arrives.
func upload(c *quart.Ctx) error {
	var total int64
	for part, err := range c.Parts() {
		if err != nil {
			return err
		}
		if part.FileName == "" {
			continue
		}
		n, err := io.Copy(io.Discard, part)
		if err != nil {
			return err
		}
		total += n
	}
	return c.Text(200, strconv.FormatInt(total, 10))
}
