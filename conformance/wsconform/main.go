// Wsconform plays the cases of the Autobahn test suite against a websocket server: 517 of them, sections 1-7, 9, 10, 12 and 13, restated
// as facts, what is sent and what has to come back. See README.md.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// options are the command line.
type options struct {
	target
	cases    string
	parallel int
	json     string
	verbose  bool
}

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "127.0.0.1:9001", "`host:port` of the server, which echoes and has permessage-deflate on")
	flag.StringVar(&o.path, "path", "/", "the `route` that echoes")
	flag.BoolVar(&o.tls, "tls", false, "speak TLS (wss); the certificate is not verified: this is a tool for the loopback")
	flag.StringVar(&o.cases, "cases", "*", "comma-separated `globs`, as in 1.*,6.4.*; a leading - leaves cases out, as in *,-9.*")
	flag.IntVar(&o.parallel, "p", 16, "cases at once")
	flag.StringVar(&o.json, "json", "", "write the results to this `file`")
	flag.BoolVar(&o.verbose, "v", false, "print every case")
	flag.IntVar(&deflateCount, "deflate-count", deflateCount, "messages in each case of the sections 12 and 13")
	flag.Parse()
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, "wsconform:", err)
		os.Exit(1)
	}
}

func (o *options) run() error {
	selected, err := selectCases(o.cases)
	if err != nil {
		return err
	}
	begun := time.Now()
	results := o.play(selected)
	passed := 0
	tally := map[string]int{}
	for _, r := range results {
		tally[r.Behavior]++
		if r.passed() {
			passed++
		}
		if !r.passed() || o.verbose || r.Behavior != ok {
			fmt.Println(r)
		}
	}
	for _, behavior := range slices.Sorted(maps.Keys(tally)) {
		fmt.Println(behavior, tally[behavior])
	}
	fmt.Printf("%d of %d passed in %.1fs\n", passed, len(results), time.Since(begun).Seconds())
	if err := o.write(results); err != nil {
		return err
	}
	c, err := dial(o.target, "")
	if err != nil {
		return fmt.Errorf("the server died: %w (-p 1 finds the case)", err)
	}
	c.drop()
	if passed != len(results) {
		return errors.New("not every case has passed")
	}
	return nil
}

// selectCases returns the cases that the last glob which matches them does not leave out.
func selectCases(globs string) (selected []*testCase, err error) {
	for _, k := range all {
		in := false
		for glob := range strings.SplitSeq(globs, ",") {
			name, out := strings.CutPrefix(glob, "-")
			matches, err := path.Match(name, k.id)
			if err != nil {
				return nil, fmt.Errorf("-cases %s: %w", glob, err)
			}
			if matches {
				in = !out
			}
		}
		if in {
			selected = append(selected, k)
		}
	}
	if selected == nil {
		return nil, fmt.Errorf("no case is selected by %q", globs)
	}
	return selected, nil
}

func (o *options) play(selected []*testCase) []result {
	results := make([]result, len(selected))
	slots := make(chan struct{}, max(o.parallel, 1))
	var running sync.WaitGroup
	for i, k := range selected {
		slots <- struct{}{}
		running.Go(func() {
			results[i] = play(o.target, *k)
			<-slots
		})
	}
	running.Wait()
	return results
}

func (o *options) write(results []result) error {
	if o.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(results, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(text, '\n'), 0o600)
}
