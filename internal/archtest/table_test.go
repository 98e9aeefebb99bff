package archtest_test

import (
	"slices"
	"strings"
)

// module is the import path of the root package.
const module = "github.com/goquart/quart"

// A row says what one package may import besides the standard library.
type row struct {
	dir     string   // relative to the root; a trailing /... stands for everything below
	own     []string // packages of this project, as directories
	public  bool     // program: every public package of this project too
	other   []string // modules of others; anyModule admits what the module's go.mod requires
	unsafe  bool     // may import unsafe
	noHTTP  bool     // may not import net/http
	program bool     // nobody imports it
}

// anyModule in a row leaves the choice to the module's go.mod.
var anyModule = []string{"*"}

const (
	fasthttpModule  = "github.com/valyala/fasthttp"
	routerModule    = "github.com/fasthttp/router"
	websocketModule = "github.com/fasthttp/websocket"
	templateModule  = "github.com/valyala/quicktemplate"
	jsonModule      = "github.com/go-json-experiment/json"
	netModule       = "golang.org/x/net"
	sysModule       = "golang.org/x/sys"
	compressModule  = "github.com/klauspost/compress"
	brotliModule    = "github.com/molecule-man/go-brrr"
)

// requirements is all that the root module may require directly (ADR 0006).
// The last two are fasthttp's own compressors.
var requirements = []string{
	fasthttpModule, routerModule, websocketModule, templateModule, jsonModule,
	netModule, sysModule, compressModule, brotliModule,
}

// leaves are the packages below the root that know nothing of it.
var leaves = []string{
	"pool", "batch", "internal/bytesconv", "internal/radix",
	"internal/wire", "internal/wsproto", "internal/netwatch", "internal/rules",
}

// table knows every package directory. One that it does not know fails the
// test; a row may stand here before its package exists.
var table = []row{
	{dir: ".", own: append(slices.Clone(leaves), "http2"), other: requirements, noHTTP: true},

	// Leaves: the standard library and lower leaves.
	{dir: "internal/bytesconv", unsafe: true},
	{dir: "pool", own: []string{"internal/bytesconv"}, unsafe: true},
	{dir: "batch"},
	{dir: "internal/radix", own: []string{"pool", "internal/bytesconv"}},
	{dir: "internal/wire", own: []string{"pool", "internal/bytesconv"}},
	{dir: "internal/wsproto", own: []string{"pool", "internal/bytesconv"}, other: []string{compressModule}}, // ADR 0008
	{dir: "internal/netwatch", other: []string{sysModule}},
	{dir: "internal/rules"},
	{dir: "internal/rules"},

	// Below the root as well, for any fasthttp handler.
	{dir: "http2", own: []string{"http2/internal/hpack"}, other: []string{fasthttpModule, netModule}},
	{dir: "http2/internal/hpack"},

	// Siblings: the root's public API and pool, as a user could write them.
	sibling("middleware"),
	sibling("session"),
	sibling("hub"),
	sibling("hub/brokertest", "hub"),
	sibling("quarttest"),
	sibling("dashboard"),
	sibling("openapi"),
	sibling("contrib/natsbroker", "hub", "hub/brokertest", "contrib/natsbroker/embedded"),
	sibling("contrib/natsbroker/embedded"),
	sibling("contrib/redisbroker", "hub"),
	sibling("contrib/otel"),
	sibling("contrib/prometheus"),
	sibling("contrib/nethttp"),
	sibling("contrib/validator"),
	sibling("contrib/h3"),

	// For tests only.
	{dir: "internal/archtest"},
	{dir: "internal/testserver", own: []string{".", "pool", "quarttest"}, other: anyModule},

	// Programs: any public package, and nothing imports them.
	program("cmd/quart"),
	program("examples/..."),
	program("bench/...", "internal/testserver"),
	program("conformance/..."),
}

func sibling(dir string, edges ...string) row {
	return row{dir: dir, own: append([]string{".", "pool"}, edges...), other: anyModule}
}

func program(dir string, edges ...string) row {
	return row{dir: dir, own: edges, public: true, other: anyModule, program: true}
}

// rowOf finds the row of a package directory; the exact row goes before a
// wildcard.
func rowOf(rows []row, dir string) (row, bool) {
	for _, r := range rows {
		if r.dir == dir {
			return r, true
		}
	}
	for _, r := range rows {
		base, wild := strings.CutSuffix(r.dir, "/...")
		if wild && within(dir, base) {
			return r, true
		}
	}
	return row{}, false
}

// within reports whether the slash path is base or lies below it.
func within(path, base string) bool {
	return path == base || strings.HasPrefix(path, base+"/")
}

// ownDir turns an import path into a directory of this project.
func ownDir(importPath string) (dir string, own bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// standard reports whether the import path is in the standard library: only
// there does the first element carry no dot.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}
