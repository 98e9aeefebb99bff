//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/goquart/quart/bench/internal/rounds"
)

// A sample is one peer under one load in one round.
type sample struct {
	rate     float64 // per second
	cpu      float64 // of the server, microseconds per request
	postgres float64 // the same of PostgreSQL
	p50, p99 float64 // milliseconds
}

// A run has everything that is measured with, and what was measured.
type run struct {
	cfg       config
	rig       *rig
	db        *database
	listBytes int // of the shortest answer with all the films
	samples   map[string]map[string][]sample
	limits    map[string][]limit
	rep       report
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// measure verifies all peers, measures them in turns, and reports what there is also after an error.
func measure(ctx context.Context, cfg config) (rep *report, err error) {
	r := &run{cfg: cfg, samples: map[string]map[string][]sample{}, limits: map[string][]limit{}, rep: newReport(cfg)}
	if r.db, err = openDatabase(ctx, cfg.DSN); err != nil {
		return &r.rep, err
	}
	defer func() { err = errors.Join(err, r.db.close()) }()
	if r.rig, err = newRig(ctx, r.db.dsn, cfg.Films); err != nil {
		return &r.rep, err
	}
	defer r.rig.remove()
	if err := r.prepare(ctx); err != nil {
		return &r.rep, err
	}
	for round := range cfg.Rounds {
		if err = r.round(ctx, round); err != nil {
			break
		}
	}
	r.rep.fill(r)
	return &r.rep, err
}

// prepare tells all versions, makes the tables and verifies all peers.
func (r *run) prepare(ctx context.Context) error {
	if err := r.versions(ctx); err != nil {
		return err
	}
	if err := r.db.createTables(ctx, r.rig); err != nil {
		return err
	}
	want, err := readTruth(ctx)
	if err != nil {
		return err
	}
	if r.listBytes, err = shortestList(want); err != nil {
		return err
	}
	for _, p := range r.cfg.Peers {
		progress("%s: are its answers right?", p.Name)
		if err := verifyPeer(ctx, r.rig, p, r.db, want); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

func (r *run) versions(ctx context.Context) error {
	postgres, err := r.db.version(ctx)
	if err != nil {
		return err
	}
	pgbench, err := pgbenchVersion(ctx)
	if err != nil {
		return err
	}
	wrk, err := wrkVersion(ctx)
	if err != nil {
		return err
	}
	r.rep.Tools = []string{postgres, pgbench, wrk}
	for _, p := range r.cfg.Peers {
		version, err := r.rig.version(ctx, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		r.rep.Peers = append(r.rep.Peers, described{p, version})
	}
	return nil
}

// shortestList is the size of all films as JSON without anything that may be left out.
func shortestList(want truth) (int, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(want)
	return b.Len() - 1, err // Encode adds a newline
}

// round gives pgbench and every peer a turn.
func (r *run) round(ctx context.Context, round int) error {
	progress("round %d of %d", round+1, r.cfg.Rounds)
	for _, ld := range r.cfg.Loads {
		if err := r.pgbench(ctx, ld); err != nil {
			return err
		}
	}
	for _, p := range rounds.Turns(r.cfg.Peers, round) {
		if err := r.turn(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

// pipelinedOne is pgbench's second way of asking for one film.
const pipelinedOne = loadOne + ", pipelined"

func (r *run) pgbench(ctx context.Context, ld load) error {
	if !r.cfg.Pgbench {
		return nil
	}
	scripts := map[string]string{ld.Name: ld.SQL}
	if ld.Name == loadOne {
		scripts[pipelinedOne] = pipelineOf(ld.SQL)
	}
	for name, sql := range scripts {
		statements := 1
		if name == pipelinedOne {
			statements = pipelined
		}
		got, err := runPgbench(ctx, r.rig, r.db, sql, statements, r.cfg.Time)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.limits[name] = append(r.limits[name], got)
	}
	return r.db.clean(ctx)
}

// turn runs a peer in new processes under all loads.
func (r *run) turn(ctx context.Context, p peer) error {
	s, err := r.rig.start(ctx, p)
	if err != nil {
		return err
	}
	defer s.stop()
	if r.samples[p.Name] == nil {
		r.samples[p.Name] = map[string][]sample{}
	}
	for _, ld := range r.cfg.Loads {
		got, err := r.loadOnce(ctx, s, ld)
		if err != nil {
			return fmt.Errorf("%s: %w; it printed: %s", ld.Name, err, s.output)
		}
		r.samples[p.Name][ld.Name] = append(r.samples[p.Name][ld.Name], got)
	}
	return nil
}

const warmUp = time.Second

// loadOnce warms a server up and loads it. PostgreSQL is clean before and afterwards.
func (r *run) loadOnce(ctx context.Context, s *server, ld load) (got sample, err error) {
	if _, err := runWrk(ctx, r.rig.script(), s.base(), ld.Name, warmUp); err != nil {
		return got, fmt.Errorf("warm-up: %w", err)
	}
	if err := r.db.clean(ctx); err != nil {
		return got, err
	}
	server, err := s.cpu()
	if err != nil {
		return got, err
	}
	postgres, err := r.db.cpu()
	if err != nil {
		return got, err
	}
	v, err := runWrk(ctx, r.rig.script(), s.base(), ld.Name, r.cfg.Time)
	if err != nil {
		return got, err
	}
	serverAfter, err := s.cpu()
	if err != nil {
		return got, err
	}
	postgresAfter, err := r.db.cpu()
	if err != nil {
		return got, err
	}
	if err := r.checkVolume(ctx, ld, v); err != nil {
		return got, err
	}
	n := float64(v.Requests)
	got = sample{rate: v.rate(), cpu: micros(serverAfter-server) / n, postgres: micros(postgresAfter-postgres) / n, p50: v.P50 / 1e3, p99: v.P99 / 1e3}
	return got, r.db.clean(ctx)
}

// checkVolume looks whether the work was done: bytes of lists, rows of reviews. wrk does not wait for the answers that are under
// way at its end, at most one for each connection: their reviews are stored as well, and so are perhaps those of the warm-up, which
// ended just before.
func (r *run) checkVolume(ctx context.Context, ld load, v volume) error {
	if ld.Name == loadList && v.Bytes < v.Requests*r.listBytes {
		return fmt.Errorf("%d lists have %d bytes, less than %d each", v.Requests, v.Bytes, r.listBytes)
	}
	rows, err := r.db.reviews(ctx)
	if err != nil {
		return err
	}
	least, most := 0, 0
	if ld.Name == loadPost {
		least, most = v.Requests, v.Requests+2*conns
	}
	if rows < least || rows > most {
		return fmt.Errorf("%d requests were answered, and the database has %d reviews", v.Requests, rows)
	}
	return nil
}
