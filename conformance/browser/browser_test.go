package browser_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const patience = 20 * time.Second // for what a page should show at once

// driver is the process that drives the browser.
type driver struct {
	in io.WriteCloser

	mu      sync.Mutex
	calls   int
	pages   int
	waiting map[int]chan reply
	err     error // why no more replies come
}

type reply struct {
	ID    int
	Value json.RawMessage
	Error string
}

// tools holds what all tests share, in a folder that goes away after them.
var tools struct {
	dir  string
	stop []func()
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "quart-browser-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	tools.dir = dir
	code := m.Run()
	for _, stop := range tools.stop {
		stop()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// need skips the test where something is missing, or fails it on CI.
func need(t *testing.T) *driver {
	t.Helper()
	d, err := startDriver()
	if err == nil {
		return d
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skip(err)
	return nil
}

// startDriver installs and starts the driver at the first call.
var startDriver = sync.OnceValues(func() (*driver, error) {
	chromium := os.Getenv("CHROMIUM")
	if chromium == "" {
		chromium = "chromium"
	}
	var missing error
	for _, command := range []string{"go", "node", "npm", chromium} {
		if _, err := exec.LookPath(command); err != nil {
			missing = errors.Join(missing, err)
		}
	}
	if missing != nil {
		return nil, missing
	}
	if err := installDriver(); err != nil {
		return nil, err
	}
	chromium, err := exec.LookPath(chromium)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("node", "driver.mjs", chromium)
	cmd.Dir = tools.dir
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &driver{in: in, waiting: map[int]chan reply{}}
	go d.read(out)
	tools.stop = append(tools.stop, func() {
		_ = in.Close() // it closes the browser and ends
		_ = cmd.Wait()
	})
	return d, nil
})

// installDriver puts the driver and the library that it uses, as package-lock.json has it, into the shared folder.
func installDriver() error {
	for _, name := range []string{"driver.mjs", "package.json", "package-lock.json"} {
		text, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(tools.dir, name), text, 0o600)
		}
		if err != nil {
			return err
		}
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error")
	cmd.Dir = tools.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return nil
}

// read hands out the replies.
func (d *driver) read(out io.Reader) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		var r reply
		if err == nil {
			err = json.Unmarshal(line, &r)
		}
		d.mu.Lock()
		if err != nil {
			d.err = fmt.Errorf("the driver has ended: %w", err)
			for id, ch := range d.waiting {
				ch <- reply{ID: id, Error: d.err.Error()}
			}
			d.mu.Unlock()
			return
		}
		ch := d.waiting[r.ID]
		delete(d.waiting, r.ID)
		d.mu.Unlock()
		ch <- r
	}
}

// do sends a call and waits for its reply.
func (d *driver) do(call, page string, args ...any) (json.RawMessage, error) {
	ch := make(chan reply, 1)
	d.mu.Lock()
	if d.err != nil {
		d.mu.Unlock()
		return nil, d.err
	}
	d.calls++
	id := d.calls
	d.waiting[id] = ch
	line, err := json.Marshal(map[string]any{"id": id, "call": call, "page": page, "args": args})
	if err == nil {
		_, err = d.in.Write(append(line, '\n'))
	}
	d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	r := <-ch
	if r.Error != "" {
		return nil, fmt.Errorf("%s: %s", call, r.Error)
	}
	return r.Value, nil
}

// page is a tab of the browser.
type page struct {
	t    *testing.T
	d    *driver
	name string
	shut func()
}

// newPage opens a page in a browser window of its own, with nothing stored: 1280 by 800 pixels, in light colours. It is closed with the test.
func newPage(t *testing.T) *page {
	t.Helper()
	return openPage(t, need(t), "")
}

// newTab opens another page in the window of p.
func (p *page) newTab() *page {
	p.t.Helper()
	return openPage(p.t, p.d, p.name)
}

func openPage(t *testing.T, d *driver, beside string) *page {
	t.Helper()
	d.mu.Lock()
	d.pages++
	p := &page{t: t, d: d, name: fmt.Sprint("page ", d.pages)}
	d.mu.Unlock()
	p.do("open", beside)
	p.shut = sync.OnceFunc(func() { _, _ = d.do("close", p.name) })
	t.Cleanup(p.shut)
	return p
}

func (p *page) do(call string, args ...any) json.RawMessage {
	p.t.Helper()
	value, err := p.d.do(call, p.name, args...)
	if err != nil {
		p.t.Fatal(err)
	}
	return value
}

// open loads a page and waits until its scripts have run.
func (p *page) open(url string) {
	p.t.Helper()
	p.do("goto", url)
}

// close closes the tab, as a person does.
func (p *page) close() { p.shut() }

func (p *page) click(selector string) {
	p.t.Helper()
	p.do("click", selector)
}

// choose picks files of the file system for an input.
func (p *page) choose(selector string, paths ...string) {
	p.t.Helper()
	p.do("choose", selector, paths)
}

// throttle limits what the page sends and receives, in bytes a second; negative is no limit.
func (p *page) throttle(rate int) {
	p.t.Helper()
	p.do("throttle", rate)
}

// until waits for an expression in JavaScript to be true. If that does not happen the test ends, with what the page shows.
func (p *page) until(expression string) {
	p.t.Helper()
	p.within(patience, expression)
}

// within is until with another patience.
func (p *page) within(d time.Duration, expression string) {
	p.t.Helper()
	if _, err := p.d.do("until", p.name, expression, d.Milliseconds()); err != nil {
		p.t.Fatalf("not within %v: %s; %v\nthe page shows:\n%s", d, expression, err, eval[string](p, "document.body.innerText"))
	}
}

// eval is the value of an expression in JavaScript.
func eval[T any](p *page, expression string) (v T) {
	p.t.Helper()
	if err := json.Unmarshal(p.do("evaluate", expression), &v); err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// text is what an element shows.
func (p *page) text(selector string) string {
	p.t.Helper()
	return eval[string](p, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

// wantNoErrors wants nothing on the console: no exception, no file that is missing, nothing that the page's policy forbids. What contains one
// of the exceptions is expected.
func (p *page) wantNoErrors(except ...string) {
	p.t.Helper()
	var list []string
	if err := json.Unmarshal(p.do("errors"), &list); err != nil {
		p.t.Fatal(err)
	}
	for _, e := range list {
		if !slices.ContainsFunc(except, func(s string) bool { return strings.Contains(e, s) }) {
			p.t.Errorf("on the console: %s", e)
		}
	}
}
