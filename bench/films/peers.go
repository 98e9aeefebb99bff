//go:build linux

package main

import (
	"context"
	"debug/buildinfo"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// The names that the targets speak of.
const (
	ours      = "quart"
	onPython  = "quart-uvicorn"
	onPython2 = onPython + twice
	netHTTP   = "net/http"
)

// twice ends the name of a peer that runs as two processes, as many as there are processors, beside the one that it starts by
// default.
const twice = "-2"

// A peer is one of the servers under test.
type peer struct {
	Name string
	What string
	// Processes, and connections of each to PostgreSQL; -tune compares others. 0 is the program's own choice.
	Workers, Pool int
	Procs         int      // GOMAXPROCS of a Go program; 0 is Go's choice, one for each processor
	Packages      []string // Go modules, or Python's distributions, whose versions are told
	args          []string // of Python
	goServer      bool
}

// peers in the order of the tables.
var peers = []peer{
	{Name: ours, What: "examples/films -dsn", Packages: []string{"github.com/jackc/pgx/v5", "github.com/valyala/fasthttp"}},
	{Name: "fiber", What: "Fiber, pgx", Workers: 1, Pool: 20, Packages: []string{"github.com/gofiber/fiber/v3", "github.com/jackc/pgx/v5"}, goServer: true},
	{Name: "gin", What: "Gin, pgx", Workers: 1, Pool: 20, Packages: []string{"github.com/gin-gonic/gin", "github.com/jackc/pgx/v5"}, goServer: true},
	{Name: netHTTP, What: "net/http, pgx", Workers: 1, Pool: 20, Packages: []string{"github.com/jackc/pgx/v5"}, goServer: true},
	uvicorn(onPython, 1),
	uvicorn(onPython2, 2),
	hypercorn("quart-hypercorn", 1),
	hypercorn("quart-hypercorn"+twice, 2),
	gunicorn("flask", 1),
	gunicorn("flask"+twice, 2),
}

// What stands for something in the arguments of Python.
const (
	argHost    = "HOST"
	argPort    = "PORT"
	argAddr    = "ADDR"
	argWorkers = "WORKERS"
)

func uvicorn(name string, workers int) peer {
	return peer{
		Name: name, What: "Quart on uvicorn, asyncpg", Workers: workers, Pool: 10, Packages: []string{"quart", "uvicorn", "uvloop", "httptools", "asyncpg"},
		args: []string{
			"uvicorn", "--host", argHost, "--port", argPort, "--workers", argWorkers, "--loop", "uvloop", "--http", "httptools",
			"--no-access-log", "--log-level", "warning", "quart_app:app",
		},
	}
}

func hypercorn(name string, workers int) peer {
	return peer{
		Name: name, What: "Quart on hypercorn, asyncpg", Workers: workers, Pool: 10, Packages: []string{"quart", "hypercorn", "uvloop", "h11", "asyncpg"},
		args: []string{"hypercorn", "--bind", argAddr, "--workers", argWorkers, "--worker-class", "uvloop", "quart_app:app"},
	}
}

func gunicorn(name string, workers int) peer {
	return peer{
		Name: name, What: "Flask on gunicorn + eventlet, psycopg2", Workers: workers, Pool: 10, Packages: []string{"flask", "gunicorn", "eventlet", "psycopg2"},
		args: []string{"gunicorn", "--bind", argAddr, "--workers", argWorkers, "--worker-class", "eventlet", "--log-level", "warning", "flask_app:app"},
	}
}

func peerNames() (names []string) {
	for _, p := range peers {
		names = append(names, p.Name)
	}
	return names
}

func peerNamed(name string) peer {
	return peers[slices.IndexFunc(peers, func(p peer) bool { return p.Name == name })]
}

// variants are what -tune compares.
func (p peer) variants() (all []peer) {
	workers, pools := []int{1}, []int{4, 8, 12, 20}
	switch {
	case p.Name == ours:
		pools = []int{0}
	case strings.HasSuffix(p.Name, twice):
		return nil // the one without has it
	case p.python():
		workers, pools = []int{1, 2, 3}, []int{5, 10, 20}
	}
	for _, w := range workers {
		for _, n := range pools {
			v := p
			v.Name, v.Workers, v.Pool = fmt.Sprintf("%s, %d x %d", p.Name, w, n), w, n
			if p.python() {
				all = append(all, v)
				continue
			}
			for _, v.Procs = range []int{1, 2} {
				v.Name = fmt.Sprintf("%s, GOMAXPROCS %d, %s", p.Name, v.Procs, v.size())
				all = append(all, v)
			}
		}
	}
	return all
}

// size is that of a peer, as reports have it.
func (p peer) size() string {
	if p.Pool == 0 {
		return "its own choice"
	}
	return fmt.Sprintf("%d x %d", p.Workers, p.Pool)
}

// base is the name of a peer that p is a variant of, or p's own.
func (p peer) base() string {
	name, _, _ := strings.Cut(p.Name, ",")
	return name
}

func (p peer) python() bool { return p.args != nil }

// A rig is what the peers run from.
type rig struct {
	dir   string // of the files below
	films string // program
	dsn   string
}

//go:embed peers/*.py
var apps embed.FS

const pythonCommand = "/usr/bin/python3" // the one that Debian's packages are for

// newRig writes the files that the peers need into a new directory; remove it at the end. films is the program of quart, built
// here for "".
func newRig(ctx context.Context, dsn, films string) (r *rig, err error) {
	r = &rig{dsn: dsn, films: films}
	if r.dir, err = os.MkdirTemp("", "bench-films-"); err != nil {
		return nil, err
	}
	if err := r.fill(ctx); err != nil {
		r.remove()
		return nil, err
	}
	return r, nil
}

func (r *rig) remove() { _ = os.RemoveAll(r.dir) }

func (r *rig) script() string { return filepath.Join(r.dir, "load.lua") }

func (r *rig) fill(ctx context.Context) error {
	if err := os.CopyFS(r.dir, apps); err != nil {
		return err
	}
	if err := os.WriteFile(r.script(), loadScript, 0o666); err != nil {
		return err
	}
	if r.films != "" {
		return nil
	}
	r.films = filepath.Join(r.dir, "films")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", r.films, "github.com/goquart/quart/examples/films").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build of examples/films, from within the repository: %w: %s", err, out)
	}
	return nil
}

// command is what serves p at an address.
func (r *rig) command(ctx context.Context, p peer, addr string) (cmd *exec.Cmd, err error) {
	switch {
	case p.base() == ours:
		cmd = exec.CommandContext(ctx, r.films, "-addr", addr, "-dsn", r.dsn)
	case p.python():
		cmd = r.pythonServer(ctx, p, addr)
	default:
		if cmd, err = r.goServer(ctx, p, addr); err != nil {
			return nil, err
		}
	}
	if p.Procs > 0 {
		cmd.Env = append(cmd.Environ(), "GOMAXPROCS="+strconv.Itoa(p.Procs))
	}
	dieWithParent(cmd)
	return cmd, nil
}

func (r *rig) goServer(ctx context.Context, p peer, addr string) (*exec.Cmd, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, exe, serveFlag, p.base(), addr, r.dsn, strconv.Itoa(p.Pool))
	_, err = cmd.StdinPipe() // which Wait closes
	return cmd, err
}

func (r *rig) pythonServer(ctx context.Context, p peer, addr string) *exec.Cmd {
	host, port, _ := strings.Cut(addr, ":")
	args := []string{"-m"}
	for _, arg := range p.args {
		switch arg {
		case argHost:
			arg = host
		case argPort:
			arg = port
		case argAddr:
			arg = addr
		case argWorkers:
			arg = strconv.Itoa(p.Workers)
		}
		args = append(args, arg)
	}
	cmd := exec.CommandContext(ctx, pythonCommand, args...)
	cmd.Dir = filepath.Join(r.dir, "peers")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+cmd.Dir, "FILMS_DSN="+r.dsn, "FILMS_POOL="+strconv.Itoa(p.Pool), "FILMS_PARENT="+strconv.Itoa(os.Getpid()))
	return cmd
}

// start starts p; it fails if p does not answer.
func (r *rig) start(ctx context.Context, p peer) (*server, error) {
	return startServer(ctx, func(addr string) (*exec.Cmd, error) { return r.command(ctx, p, addr) })
}

var errNoPackages = errors.New("python3 or packages of it are missing, as in: apt-get install " +
	"python3-quart uvicorn python3-uvloop python3-httptools python3-hypercorn python3-flask gunicorn python3-eventlet python3-asyncpg python3-psycopg2")

// version tells those of a peer and of what it is made of.
func (r *rig) version(ctx context.Context, p peer) (string, error) {
	if p.python() {
		return pythonVersions(ctx, p.Packages)
	}
	info, ok := debug.ReadBuildInfo()
	if p.base() == ours {
		var err error
		if info, err = buildinfo.ReadFile(r.films); err != nil {
			return "", err
		}
	} else if !ok {
		return "", nil
	}
	versions := []string{info.GoVersion}
	for _, dep := range info.Deps {
		if slices.Contains(p.Packages, dep.Path) {
			versions = append(versions, strings.TrimPrefix(dep.Path, "github.com/")+" "+dep.Version)
		}
	}
	return strings.Join(versions, ", "), nil
}

// versionScript prints the versions of Python and of the distributions that its arguments name.
const versionScript = `
import importlib.metadata, platform, sys
print(", ".join(["Python " + platform.python_version()] + [name + " " + importlib.metadata.version(name) for name in sys.argv[1:]]))
`

func pythonVersions(ctx context.Context, packages []string) (string, error) {
	out, err := exec.CommandContext(ctx, pythonCommand, append([]string{"-c", versionScript}, packages...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", errNoPackages, out)
	}
	return strings.TrimSpace(string(out)), nil
}
