package main

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// postgresEpoch is where PostgreSQL's times begin.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// reviewColumns are the arrays, in binary format, that unnest makes rows of.
//
// perf: by hand, because the driver's encoder takes an interface call and an allocation for each element, BenchmarkReviewColumns
func reviewColumns(reviews []Review) [][]byte {
	n, textBytes := len(reviews), 0
	for i := range reviews {
		textBytes += len(reviews[i].Author) + len(reviews[i].Text)
	}
	buf := make([]byte, 0, 5*arrayHeader+n*(12+8+4+4+12)+textBytes) // all of it
	var columns [5][]byte
	column := func(number int, element uint32, add func(b []byte, r *Review) []byte) {
		start := len(buf)
		buf = appendArrayHeader(buf, element, n)
		for i := range reviews {
			buf = add(buf, &reviews[i])
		}
		columns[number] = buf[start:len(buf):len(buf)]
	}
	column(0, pgtype.Int8OID, func(b []byte, r *Review) []byte { return appendInt64(b, r.FilmID) })
	column(1, pgtype.Int4OID, func(b []byte, r *Review) []byte { return appendInt32(b, r.Rating) })
	column(2, pgtype.TextOID, func(b []byte, r *Review) []byte { return appendText(b, r.Author) })
	column(3, pgtype.TextOID, func(b []byte, r *Review) []byte { return appendText(b, r.Text) })
	column(4, pgtype.TimestamptzOID, func(b []byte, r *Review) []byte {
		return appendInt64(b, r.Created.Sub(postgresEpoch).Microseconds())
	})
	return columns[:]
}

// arrayHeader is the size of what appendArrayHeader appends.
const arrayHeader = 20

// appendArrayHeader begins an array of one dimension and n elements, none of them NULL, that count from 1.
func appendArrayHeader(b []byte, element uint32, n int) []byte {
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, element)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return append(b, 0, 0, 0, 1)
}

func appendInt64(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(n))
}

// appendInt32 clamps n: what does not fit is out of the limits of a review in any case.
func appendInt32(b []byte, n int) []byte {
	n = max(math.MinInt32, min(n, math.MaxInt32))
	return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(int32(n)))
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}
