//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"time"

	"github.com/goquart/quart/bench/internal/wrk"
)

// pipelineScript makes wrk send %d requests at once. wrk calls init when the
// address is known, and request for each write.
const pipelineScript = `local batch
function init(args) batch = string.rep(wrk.format(), %d) end
function request() return batch end
`

// wrkLoop is closedLoop by wrk, on the core of this process. It takes whole seconds.
func wrkLoop(ctx context.Context, addr netip.AddrPort, path string, conns, depth int, d time.Duration) (volume, error) {
	args := []string{"-t1", fmt.Sprintf("-c%d", conns), fmt.Sprintf("-d%ds", int(d.Seconds()))}
	if depth > 1 {
		script, err := writeTemp(fmt.Sprintf(pipelineScript, depth))
		if err != nil {
			return volume{}, err
		}
		defer os.Remove(script)
		args = append(args, "-s", script)
	}
	args = append(args, "http://"+addr.String()+path)
	out, err := exec.CommandContext(ctx, "wrk", args...).CombinedOutput()
	if ctx.Err() != nil {
		return volume{}, ctx.Err()
	}
	if err != nil {
		return volume{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return parseWrk(string(out))
}

func writeTemp(text string) (name string, err error) {
	f, err := os.CreateTemp("", "bench-net-*.lua")
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	return f.Name(), errors.Join(err, f.Close())
}

// parseWrk is wrk's report as a volume.
func parseWrk(out string) (volume, error) {
	n, rate, err := wrk.Parse(out)
	if err != nil {
		return volume{}, err
	}
	return volume{requests: n, elapsed: time.Duration(float64(n) / rate * float64(time.Second))}, nil
}
