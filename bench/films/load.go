//go:build linux

package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

const (
	conns     = 20 // of wrk, and the clients of pgbench
	filmCount = 1000
)

// A load is one kind of request, as load.lua and pgbench send it.
type load struct {
	Name string
	What string
	SQL  string // of pgbench
	// At least so many times the requests per second of Quart on uvicorn, and of the best other Go program.
	OverPython, OverGo float64
}

const (
	loadOne  = "one"
	loadList = "list"
	loadPost = "post"
)

var loads = []load{
	{loadOne, "GET /films/<id>/", "\\set id random(1, 1000)\nSELECT film_id, release_year, title FROM film WHERE film_id = :id;\n", 12, 1.6},
	{loadList, "GET /films/", "SELECT film_id, release_year, title FROM film WHERE release_year > 2000;\n", 7, 2.7},
	{loadPost, "POST /reviews/", "\\set id random(1, 1000)\nINSERT INTO review (film_id, rating) VALUES (:id, 4);\n", 18, 3.5},
}

func loadNames() (names []string) {
	for _, ld := range loads {
		names = append(names, ld.Name)
	}
	return names
}

//go:embed load.lua
var loadScript []byte

const wrkCommand = "wrk"

// A volume is what wrk did.
type volume struct {
	Requests int
	Micros   int // that it took
	Bytes    int // of all answers, heads too
	Failed   int // connections that were not made, or broke, and requests that took too long
	Refused  int // answers over 399
	P50, P99 float64
}

func (v volume) rate() float64 { return float64(v.Requests) / float64(v.Micros) * 1e6 }

// runWrk loads for whole seconds. Every answer must be 2xx or 3xx.
func runWrk(ctx context.Context, script, base, name string, d time.Duration) (volume, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d+loadGrace, errors.New("wrk did not end"))
	defer cancel()
	cmd := exec.CommandContext(ctx, wrkCommand, "-t1", "-c"+strconv.Itoa(conns), fmt.Sprintf("-d%.0fs", d.Seconds()), "--timeout", "10s", "-s", script, base, "--", name)
	dieWithParent(cmd)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return volume{}, context.Cause(ctx)
	}
	if err != nil {
		return volume{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return parseVolume(out)
}

// parseVolume reads the line that load.lua prints, the last one.
func parseVolume(out []byte) (v volume, err error) {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &v); err != nil {
		return volume{}, fmt.Errorf("wrk printed no counts: %w: %s", err, out)
	}
	if v.Failed > 0 || v.Refused > 0 || v.Requests == 0 || v.Micros == 0 {
		return volume{}, fmt.Errorf("wrk had errors, or no answers: %s", out)
	}
	return v, nil
}
