package quart_test

import (
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/goquart/quart"
)

type row struct {
	N    int    `json:"n"`
	Text string `json:"text"`
}

// rowSource yields n rows and then err; open counts sources that run.
type rowSource struct{ open atomic.Int32 }

func (s *rowSource) rows(n int, err error) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		s.open.Add(1)
		defer s.open.Add(-1)
		for i := range n {
			if !yield(row{i, "some text"}, nil) {
				return
			}
		}
		if err != nil {
			yield(row{}, err)
		}
	}
}

func TestRows(t *testing.T) {
	var src rowSource
	app, log := newApp(quart.Config{})
	var failure error
	quart.Get(app, "/{n:int}", func(_ *quart.Ctx, in struct {
		N int `path:"n"`
	},
	) (quart.Rows[row], error) {
		return quart.RowsOf(src.rows(in.N, failure)), nil
	})
	s := serve(t, app)
	for _, n := range []int{0, 1, 2, 500, 5_000} {
		for accept, lines := range map[string]bool{"*/*": false, "application/json": false, "application/x-ndjson": true} {
			got := s.get("/"+itoa(n), "Accept: "+accept)
			if got.StatusCode != 200 || got.Header.Get("Vary") != "Accept" {
				t.Fatalf("%d: %d %v", n, got.StatusCode, got.Header)
			}
			if (len(got.TransferEncoding) > 0) != (n > 500) {
				t.Errorf("%d rows: transfer encoding %v", n, got.TransferEncoding)
			}
			body := got.body
			if lines {
				if got.Header.Get("Content-Type") != "application/x-ndjson" || strings.Count(body, "\n") != n {
					t.Fatalf("%d rows: %v, %d lines", n, got.Header, strings.Count(body, "\n"))
				}
				body = "[" + strings.ReplaceAll(strings.TrimSuffix(body, "\n"), "\n", ",") + "]"
			}
			var back []row
			if err := json.Unmarshal([]byte(body), &back); err != nil || len(back) != n || n > 0 && back[n-1].N != n-1 {
				t.Fatalf("%d rows: %d came back, %v", n, len(back), err)
			}
		}
	}
	failure = errors.New("secret")
	for n, status := range map[int]int{0: 500, 400: 500, 5_000: 0} {
		got := s.stream("GET /" + itoa(n) + " HTTP/1.1\r\nHost: a\r\n\r\n")
		switch {
		case status != 0 && (got.err != nil || got.head.StatusCode != status || strings.Contains(got.body, "secret")):
			t.Errorf("%d rows and an error: %+v", n, got)
		case status == 0 && (got.err == nil || got.head.StatusCode != 200):
			t.Errorf("%d rows and an error look whole", n)
		}
	}
	if s.do("HEAD", "/5000", "").StatusCode != 200 {
		t.Error("HEAD")
	}
	s.get("/1") // all earlier ones are over
	if n := src.open.Load(); n != 0 {
		t.Errorf("%d sources were never told to stop", n)
	}
	if !strings.Contains(log.String(), "secret") {
		t.Error("nothing is logged")
	}
}
