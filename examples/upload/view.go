package main

import (
	"strconv"
	"strings"
	"time"
)

// page is the form with the files that were received.
type page struct {
	Files []file
	Limit int64
	Time  time.Duration
	Error string // what was wrong with the last upload
}

// size is a number of bytes for people.
func size(n int64) string {
	units := []string{"KiB", "MiB", "GiB", "TiB"}
	if n < 1024 {
		return count(int(n), "byte")
	}
	v, i := float64(n)/1024, 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") + " " + units[i]
}

// span is a time for people.
func span(d time.Duration) string {
	switch {
	case d >= time.Minute && d%time.Minute == 0:
		return count(int(d/time.Minute), "minute")
	case d%time.Second == 0:
		return count(int(d/time.Second), "second")
	}
	return d.String()
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// sentence makes one of an error's detail, or of other words where it has none.
func sentence(s, otherwise string) string {
	if s == "" {
		s = otherwise
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
