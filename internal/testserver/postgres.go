package testserver

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// ErrMissing: PostgreSQL is not installed.
var ErrMissing = errors.New("testserver: no postgres and initdb, neither on PATH nor in /usr/lib/postgresql/*/bin")

// Limits of what a server may take; on a busy machine it takes a few seconds.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second
	pollEvery    = 5 * time.Millisecond
)

// PostgresOptions are those of StartPostgres. The zero value is a server as PostgreSQL's defaults have it.
type PostgresOptions struct {
	// Dir is where the server's directory is made: one for each server, about 40 MB. Default: /dev/shm where there is one, so that a commit waits
	// for no disk, else os.TempDir. The server's user must be able to reach it.
	Dir string
	// Settings are those of postgresql.conf: {"max_connections": "50"}. They go before what StartPostgres sets itself: addresses, port, socket directory.
	// fsync stays on, as PostgreSQL has it, unless it is turned off here.
	Settings map[string]string
}

// Postgres is a PostgreSQL server. Its methods must not be called at the same time, but for DSN, Port and Version.
type Postgres struct {
	bin, dir string
	port     int
	version  string
	settings map[string]string
	owner    *owner
	guard    *watchdog

	cmd     *exec.Cmd
	done    chan struct{} // closed when cmd has ended
	stopped []int         // processes that Pause stopped
	gone    bool          // after Stop
}

// StartPostgres makes a new, empty server that accepts connections, without a password, on the loopback interface alone. As root it runs
// the server, which refuses root, as the user postgres. Call Stop at the end. Errors: ErrMissing, or what went wrong with the end
// of the server's log.
func StartPostgres(o PostgresOptions) (*Postgres, error) {
	bin, err := findPostgres()
	if err != nil {
		return nil, err
	}
	own, err := serverOwner()
	if err != nil {
		return nil, err
	}
	p := &Postgres{bin: bin, settings: maps.Clone(o.Settings), owner: own}
	if p.dir, err = makeDir(o.Dir, own); err != nil {
		return nil, err
	}
	if p.guard, err = startWatchdog(p.dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(p.dir))
	}
	if err := p.create(); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// NeedPostgres is StartPostgres for a test, which it ends if there is an error: see Need. The server stops with the test.
func NeedPostgres(t testing.TB, o PostgresOptions) *Postgres {
	t.Helper()
	p, err := StartPostgres(o)
	Need(t, err)
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// Need ends a test when err is not nil: it is skipped for ErrMissing, unless the environment has CI=true; else it fails.
func Need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrMissing) && os.Getenv("CI") != "true":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}

// DSN is the URL of the database postgres, for its superuser. It stays the same over Down and Up.
func (p *Postgres) DSN() string { return p.DSNOf("postgres") }

// DSNOf is the URL of another database of the server. The name must need no escape.
func (p *Postgres) DSNOf(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", p.port, database)
}

// Port is the TCP port.
func (p *Postgres) Port() int { return p.port }

// Version is what the server calls itself: "postgres (PostgreSQL) 15.8 (Debian 15.8-1)".
func (p *Postgres) Version() string { return p.version }

// Stop ends the server, waits for that and removes its directory. Further calls do nothing.
func (p *Postgres) Stop() error {
	if p.gone {
		return nil
	}
	p.gone = true
	return errors.Join(p.Down(), os.RemoveAll(p.dir), p.guard.dismiss())
}

// Down stops the server, as an administrator would: connections are cut, what was committed is kept. Up starts it again.
// On one that is down it does nothing.
func (p *Postgres) Down() error {
	if p.cmd == nil {
		return nil
	}
	if err := p.Resume(); err != nil {
		return err
	}
	var err error
	for _, how := range []stopSignal{stopFast, stopAtOnce, stopKill} {
		if err = signalStop(p.cmd.Process, how); err != nil && !errors.Is(err, os.ErrProcessDone) {
			break
		}
		if p.wait(stopTimeout) {
			p.cmd = nil
			return nil
		}
	}
	return fmt.Errorf("testserver: postgres does not stop: %w", errors.Join(err, p.logError()))
}

// Up starts a server that is down, with the same data on the same port, and waits until it accepts connections.
func (p *Postgres) Up() error {
	if p.gone || p.cmd != nil {
		return errors.New("testserver: Up of a server that is not down")
	}
	return p.start()
}

// Pause makes the server hang, as one on a machine that is out of memory or whose disk is stuck: connections stay open, new ones are accepted
// by the kernel, and nothing is answered until Resume. It needs Linux.
func (p *Postgres) Pause() error {
	if p.cmd == nil || p.stopped != nil {
		return errors.New("testserver: Pause of a server that does not run")
	}
	// The postmaster first: afterwards it starts no more processes.
	pids := []int{p.cmd.Process.Pid}
	err := pause(pids[0])
	if err == nil {
		var children []int
		children, err = childrenOf(pids[0])
		for _, pid := range children {
			err = errors.Join(err, pause(pid))
		}
		pids = append(pids, children...)
	}
	p.stopped = pids
	return errors.Join(err, p.guard.note(pids))
}

// Resume ends a Pause; without one it does nothing.
func (p *Postgres) Resume() error {
	if p.stopped == nil {
		return nil
	}
	var errs []error
	for _, pid := range slices.Backward(p.stopped) {
		errs = append(errs, resume(pid))
	}
	p.stopped = nil
	return errors.Join(append(errs, p.guard.note(nil))...)
}

// create makes the data directory and starts the server, on another port if somebody else was faster.
func (p *Postgres) create() error {
	out, err := p.command("postgres", "--version").Output()
	if err != nil {
		return err
	}
	p.version = strings.TrimSpace(string(out))
	initdb := p.command("initdb", "-D", p.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("testserver: initdb: %w\n%s", err, out)
	}
	for range 5 {
		if p.port, err = freePort(); err != nil {
			return err
		}
		if err = p.start(); err == nil || !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
	}
	return err
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }
func (p *Postgres) log() string  { return filepath.Join(p.dir, "log") }

// command runs one of PostgreSQL's programs as the owner of the directory, and away from the terminal: a Ctrl-C is not for it.
func (p *Postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PGDATA=", "PGOPTIONS=")
	cmd.SysProcAttr = p.owner.attributes()
	return cmd
}

func (p *Postgres) start() error {
	settings := map[string]string{
		"listen_addresses": "127.0.0.1", "port": strconv.Itoa(p.port), "unix_socket_directories": p.dir,
	}
	for name, value := range p.settings {
		if settings[name] == "" {
			settings[name] = value
		}
	}
	args := []string{"-D", p.data()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	logged, err := os.Create(p.log())
	if err != nil {
		return err
	}
	defer logged.Close() // the server has its own descriptor
	cmd := p.command("postgres", args...)
	cmd.Stdout, cmd.Stderr = logged, logged
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.done = cmd, make(chan struct{})
	go func(done chan struct{}) {
		_ = cmd.Wait() // how it ended is in its log
		close(done)
	}(p.done)
	return p.ready()
}

// ready waits for the status that the server writes into its pid file, as pg_ctl does.
func (p *Postgres) ready() error {
	for begun := time.Now(); time.Since(begun) < startTimeout; {
		if p.wait(pollEvery) {
			p.cmd = nil
			return fmt.Errorf("testserver: postgres ended at its start: %w", p.logError())
		}
		file, err := os.ReadFile(filepath.Join(p.data(), "postmaster.pid"))
		if lines := strings.Split(string(file), "\n"); err == nil && len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready" &&
			lines[0] == strconv.Itoa(p.cmd.Process.Pid) {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("testserver: postgres is not ready after %v: %w", startTimeout, p.logError()), p.Down())
}

// wait reports whether the server has ended within d.
func (p *Postgres) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	}
}

// logError is the end of the server's log, which says why.
func (p *Postgres) logError() error {
	text, err := os.ReadFile(p.log())
	if err != nil {
		return err
	}
	return errors.New(string(text[max(0, len(text)-2048):]))
}

// findPostgres returns the directory of postgres and initdb: that of PATH, else the newest of Debian's.
func findPostgres() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil && hasInitdb(filepath.Dir(path)) {
			return filepath.Dir(path), nil
		}
	}
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is good
	slices.SortFunc(dirs, func(a, b string) int { return major(b) - major(a) })
	for _, dir := range dirs {
		if hasInitdb(dir) {
			return dir, nil
		}
	}
	return "", ErrMissing
}

func major(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin))) // 0 goes last
	return n
}

func hasInitdb(dir string) bool {
	_, err := exec.LookPath(filepath.Join(dir, "initdb"))
	_, err2 := exec.LookPath(filepath.Join(dir, "postgres"))
	return err == nil && err2 == nil
}

// owner is who the server runs as; nil is who runs the test.
type owner struct{ uid, gid int }

func serverOwner() (*owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("testserver: PostgreSQL refuses root, and there is no user postgres: %w", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	return &owner{uid, gid}, errors.Join(err, err2)
}

func makeDir(base string, own *owner) (string, error) {
	if base == "" {
		base = "/dev/shm"
		if info, err := os.Stat(base); err != nil || !info.IsDir() {
			base = os.TempDir()
		}
	}
	dir, err := os.MkdirTemp(base, "testserver-postgres-")
	if err == nil && own != nil {
		err = os.Chown(dir, own.uid, own.gid)
	}
	return dir, err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// watchdog cleans up behind a process that cannot do so any more.
type watchdog struct {
	dir  string
	cmd  *exec.Cmd
	pipe io.Closer
	once sync.Once
	err  error
}

// watchdogScript reads until the pipe ends, which is when this process does. $1 is the directory, which is gone after an orderly end. A connection that
// PostgreSQL accepts in the moment of SIGQUIT keeps it alive for authentication_timeout, a minute: it spares the children that are to refuse one
// even when it kills the others, after 5 s. They end when it is killed itself.
const watchdogScript = `
while read -r _; do :; done
[ -d "$1" ] || exit 0
[ -s "$1/paused" ] && kill -CONT $(cat "$1/paused") 2>/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
[ -n "$pid" ] && kill -QUIT "$pid" 2>/dev/null
i=0
while [ -n "$pid" ] && [ $i -lt 70 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; i=$((i+1)); done
[ -d "$1/data" ] && [ "$pid" = "$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)" ] && kill -KILL "$pid" 2>/dev/null
rm -rf "$1"
`

func startWatchdog(dir string) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "sh", dir)
	cmd.SysProcAttr = (*owner)(nil).attributes()
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return &watchdog{dir: dir, cmd: cmd, pipe: pipe}, cmd.Start()
}

// note leaves the paused processes to the watchdog, too.
func (w *watchdog) note(pids []int) error {
	text := strings.Trim(fmt.Sprint(pids), "[]")
	return os.WriteFile(filepath.Join(w.dir, "paused"), []byte(text), 0o600)
}

// dismiss ends the watchdog; it is called when the directory is gone.
func (w *watchdog) dismiss() error {
	w.once.Do(func() { w.err = errors.Join(w.pipe.Close(), w.cmd.Wait()) })
	return w.err
}
