//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const pgbenchCommand = "pgbench"

// A limit is what PostgreSQL does of a load's statements without any server, in one round.
type limit struct {
	rate, cpu float64 // per second; microseconds of PostgreSQL
}

const pipelined = 20 // statements at once, as many as wrk has requests under way

// pipelineOf is a script that sends a script's statement many times before it reads the answers.
func pipelineOf(sql string) string {
	return "\\startpipeline\n" + strings.Repeat(sql, pipelined) + "\\endpipeline\n"
}

// runPgbench runs a script with as many connections as wrk has; each run of the script counts as statements.
func runPgbench(ctx context.Context, r *rig, db *database, sql string, statements int, d time.Duration) (limit, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d+loadGrace, errors.New("pgbench did not end"))
	defer cancel()
	script := filepath.Join(r.dir, "pgbench.sql")
	if err := os.WriteFile(script, []byte(sql), 0o666); err != nil {
		return limit{}, err
	}
	cmd := exec.CommandContext(ctx, pgbenchCommand, "-n", "-c", strconv.Itoa(conns), "-M", "prepared", "-T", fmt.Sprintf("%.0f", d.Seconds()), "-f", script, db.dsn)
	dieWithParent(cmd)
	before, err := db.cpu()
	if err != nil {
		return limit{}, err
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return limit{}, fmt.Errorf("pgbench: %w: %s", errors.Join(err, context.Cause(ctx)), out)
	}
	after, err := db.cpu()
	if err != nil {
		return limit{}, err
	}
	done, rate, err := parsePgbench(string(out))
	n := float64(statements)
	return limit{rate: rate * n, cpu: micros(after-before) / (float64(done) * n)}, err
}

var (
	printedDone = regexp.MustCompile(`(?m)^number of transactions actually processed: (\d+)`)
	printedTPS  = regexp.MustCompile(`(?m)^tps = ([\d.]+) \(without initial connection time\)`)
)

// parsePgbench reads pgbench's report: how often the script has run, and how often in a second.
func parsePgbench(out string) (done int, rate float64, err error) {
	n, tps := printedDone.FindStringSubmatch(out), printedTPS.FindStringSubmatch(out)
	if n == nil || tps == nil {
		return 0, 0, fmt.Errorf("pgbench printed no counts: %s", out)
	}
	if done, err = strconv.Atoi(n[1]); err != nil {
		return 0, 0, err
	}
	rate, err = strconv.ParseFloat(tps[1], 64)
	if err == nil && done == 0 {
		err = fmt.Errorf("pgbench did nothing: %s", out)
	}
	return done, rate, err
}

// pgbenchVersion says how to get pgbench where it is not.
func pgbenchVersion(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, pgbenchCommand, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("pgbench does not run (%w); it comes with PostgreSQL, as in: apt-get install postgresql", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
