//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

const h2loadCommand = "h2load"

// h2loadVersion says how to get h2load where it is not.
func h2loadVersion() (string, error) {
	out, err := exec.Command(h2loadCommand, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("h2load does not run (%w); it comes with nghttp2, as in: apt-get install nghttp2-client", err)
	}
	return string(bytes.TrimSpace(out)), nil
}

// A volume is what h2load did.
type volume struct {
	Requests int           // all of them were answered by 2xx
	Elapsed  time.Duration // to four digits or, over a second, to 10 ms
	Headers  int           // bytes of the answers' header blocks, as they were sent
	Data     int           // bytes of their bodies
}

func (v volume) rate() float64 { return float64(v.Requests) / v.Elapsed.Seconds() }

// h2load runs on the core of this process. Each answer must be 2xx with a body of the given size.
func h2load(ctx context.Context, requests, bodyBytes int, args ...string) (volume, error) {
	cmd := exec.CommandContext(ctx, h2loadCommand, append([]string{"-n", strconv.Itoa(requests)}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return volume{}, errors.Join(context.Cause(ctx), fmt.Errorf("h2load was not done: %s", out))
	}
	if err != nil {
		return volume{}, fmt.Errorf("h2load: %w: %s", err, &stderr)
	}
	v, err := parseH2load(string(out))
	if err == nil && (v.Requests != requests || v.Data != requests*bodyBytes) {
		err = fmt.Errorf("h2load got %d bytes in %d answers, want %d in %d", v.Data, v.Requests, requests*bodyBytes, requests)
	}
	return v, err
}

var (
	printedElapsed  = regexp.MustCompile(`(?m)^finished in ([\d.]+(?:us|ms|s)), `)
	printedRequests = regexp.MustCompile(`(?m)^requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded, `)
	printedStatus   = regexp.MustCompile(`(?m)^status codes: (\d+) 2xx, `)
	printedTraffic  = regexp.MustCompile(`(?m)^traffic: \S+ \(\d+\) total, \S+ \((\d+)\) headers .*, \S+ \((\d+)\) data$`)
)

// parseH2load reads h2load's report. It ends with status 0 whatever happened: requests that were not answered by 2xx are an error here.
func parseH2load(out string) (v volume, err error) {
	elapsed, requests := printedElapsed.FindStringSubmatch(out), printedRequests.FindStringSubmatch(out)
	status, traffic := printedStatus.FindStringSubmatch(out), printedTraffic.FindStringSubmatch(out)
	if elapsed == nil || requests == nil || status == nil || traffic == nil {
		return v, fmt.Errorf("h2load printed no counts: %s", out)
	}
	if v.Elapsed, err = time.ParseDuration(elapsed[1]); err != nil {
		return volume{}, fmt.Errorf("h2load printed a strange time: %w", err)
	}
	var succeeded, good int
	for _, field := range []struct {
		to   *int
		text string
	}{{&v.Requests, requests[1]}, {&succeeded, requests[2]}, {&good, status[1]}, {&v.Headers, traffic[1]}, {&v.Data, traffic[2]}} {
		if *field.to, err = strconv.Atoi(field.text); err != nil {
			return volume{}, fmt.Errorf("h2load printed a strange number: %w", err)
		}
	}
	if v.Requests == 0 || v.Elapsed == 0 || succeeded != v.Requests || good != v.Requests {
		return volume{}, fmt.Errorf("h2load did not get all of its answers: %s", out)
	}
	return v, nil
}
