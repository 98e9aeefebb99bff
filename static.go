package quart

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/goquart/quart/internal/bytesconv"
	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
)

// StaticOptions are the options of Static. The zero value serves files alone, and lets clients keep them if they ask each
// time whether they are still good.
type StaticOptions struct {
	// Index is the file that a directory is answered with, as "index.html". A path of a directory without a slash at its end is then redirected
	// to the one with it (308). "" answers 404 for directories. There is never a listing.
	Index string
	// Fallback is the file that is sent, with status 200, in place of a 404 to a browser that opens a page: the path has no
	// extension, and Accept prefers text/html. It is for applications that route in the browser. "" is none.
	Fallback string
	// MaxAge is how long clients and proxies may use a file without asking again: "public, max-age=...". Zero is "no-cache": they keep it and ask
	// each time. Negative sends no Cache-Control. HTML pages are always "no-cache": they name the files of the current version.
	MaxAge time.Duration
	// Immutable promises that a file never changes under its name, because the name has a hash or a version: within MaxAge clients
	// do not even ask when the user reloads the page (RFC 8246).
	Immutable bool
	// Hidden serves files and directories whose names begin with a dot. Without it they are 404, but for .well-known (RFC 8615).
	Hidden bool
}

// Static serves the files below a directory for GET and HEAD: prefix/css/site.css is the file css/site.css. The route is named "static", in
// a group "group.static", where that is unambiguous: app.URL("static", "path", "css/site.css"). Middleware of the route that it returns
// goes around the index of the root, too. (Flask: static_folder, on the app and on blueprints.)
//
//	app.Static("/static", os.DirFS("public"))
//	app.Static("/", assets, quart.StaticOptions{Index: "index.html"}) // assets is an embed.FS
//
// An os.DirFS, or fs.Sub of one, is opened once, as an os.Root: no path and no symbolic link leads out of it, in whatever encoding, and a
// directory that takes its place later is not seen. Other file systems get paths that fs.ValidPath accepts, and must keep inside
// themselves; one of named pipes needs a Stat, or its Open may wait for ever. A path with "..", also encoded, is resolved first, and is 404
// if it leaves the root; so are backslashes, NUL, repeated slashes (a 308 merges those right behind the prefix, as on every route), what the system cannot name, and all that is neither a file nor a
// directory.
//
// Conditions and ranges are answered as by SendFile, and the media type comes from the extension, with nosniff. A sibling of a compressible
// file, as site.css.br, .zst or .gz, is sent instead with Content-Encoding, Vary and an ETag of its own, if Accept-Encoding prefers it and
// it is not older.
//
// Files up to 64 KiB stay in memory, 16 MiB of them in all; of larger ones only the names, sizes and times. What is kept is compared with
// the file system when it is used, but at most once a second, so a change is seen within a second. Files of an embed.FS, and others without
// a time of modification, are taken for constant while their size stays; their ETag is a hash of the content, up to 16 MiB.
//
// A prefix with mistakes, a nil files, or a directory that cannot be opened panics with the place of the call. 0 allocations for a file
// from memory.
func (r *router) Static(prefix string, files fs.FS, opt ...StaticOptions) *Route {
	r.mustBeOpen("Static")
	s, err := newStatic(files, opt)
	if err != nil {
		panic(fmt.Sprintf("quart: Static %q: %v (%s)", prefix, err, callSite()))
	}
	prefix = strings.TrimSuffix(prefix, "/")
	route := r.Handle("GET", prefix+"/{path:*}", func(c *Ctx) error { return s.serve(c, c.param("path")) })
	route.implicitName = "static"
	if s.opt.Index != "" || s.opt.Fallback != "" {
		root := r.Handle("GET", prefix+"/", func(c *Ctx) error { return s.serve(c, strSlash) })
		root.Use(func(next Handler) Handler { return wrap(next, route.layers) })
	}
	return route
}

// strSlash is the key of the root's index. No path begins with a slash.
var strSlash = []byte{'/'}

// static is one directory of files.
type static struct {
	opt    StaticOptions
	files  fs.FS
	root   *os.Root // instead of files, where the system's own are served
	fixed  bool     // nothing ever changes
	assets []byte   // Cache-Control
	cache  staticCache
}

func newStatic(files fs.FS, opt []StaticOptions) (*static, error) {
	s := &static{files: files}
	switch {
	case files == nil:
		return nil, fmt.Errorf("no file system")
	case len(opt) > 1:
		return nil, fmt.Errorf("options more than once")
	case len(opt) == 1:
		s.opt = opt[0]
	}
	for _, name := range []string{s.opt.Index, s.opt.Fallback} {
		if name != "" && !fs.ValidPath(name) {
			return nil, fmt.Errorf("%q is no path below the root", name)
		}
	}
	s.assets = cacheControl("public", s.opt.MaxAge)
	if s.opt.Immutable && s.opt.MaxAge >= time.Second {
		s.assets = append(s.assets, ", immutable"...)
	}
	_, s.fixed = files.(embed.FS)
	s.cache.start = time.Now()
	if dir, ok := systemDir(files); ok {
		var err error
		s.root, err = os.OpenRoot(dir)
		return s, err
	}
	info, err := fs.Stat(files, ".")
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("the root is no directory")
	}
	return s, err
}

// systemDir returns the directory of an os.DirFS or of a fs.Sub of one, which follow symbolic links wherever they lead. Their types are not
// exported; a test holds that they are still recognized.
func systemDir(files fs.FS) (dir string, ok bool) {
	v := reflect.ValueOf(files)
	if v.Type() == reflect.TypeOf(os.DirFS("")) {
		return v.String(), true
	}
	sub, err := fs.Sub(noFS{}, "sub")
	if err != nil || v.Type() != reflect.TypeOf(sub) {
		return "", false
	}
	inner, below := v.Elem().FieldByName("fsys"), v.Elem().FieldByName("dir")
	if !inner.IsValid() || !below.IsValid() || inner.IsNil() || inner.Elem().Type() != reflect.TypeOf(os.DirFS("")) {
		return "", false
	}
	return inner.Elem().String() + "/" + below.String(), true
}

// noFS is what fs.Sub wraps in its own type.
type noFS struct{}

func (noFS) Open(string) (fs.File, error) { return nil, fs.ErrNotExist }

// serve answers with the file at a path below the root.
func (s *static) serve(c *Ctx, rel []byte) error {
	// perf: only clean paths are keys, so a hit needs no other look at the path (BenchmarkQuartStaticFile).
	f := s.cache.get(bytesconv.String(rel))
	if f == nil || s.stale(f) {
		var err error
		if f, err = s.find(c, string(rel)); f == nil {
			return err
		}
	}
	return s.send(c, f)
}

func (s *static) send(c *Ctx, f *staticFile) error {
	v := f.choose(c)
	if v.data != nil {
		return c.sendRepresentation(&v.representation, nil)
	}
	return s.sendOpened(c, f, v)
}

// find returns the file at a path, from the file system if need be. Without one it has answered c with a redirect, or returns the error
// to answer with.
func (s *static) find(c *Ctx, rel string) (*staticFile, error) {
	key, err := s.key(rel)
	if err != nil {
		return nil, err
	}
	f, err := s.fresh(key)
	switch {
	case errors.Is(err, errDirectory) && s.opt.Index != "":
		if _, err = s.fresh(key + "/"); err == nil {
			c.redirectToDir()
			return nil, nil
		}
	case err == nil:
		return f, nil
	}
	if notFound(err) && s.opt.Fallback != "" && opensPage(c, key) {
		Vary(c, "Accept")
		f, err = s.fresh(s.opt.Fallback)
	}
	if err == nil {
		return f, nil
	}
	return nil, c.staticError(key, err)
}

// key returns the path of a file as it is looked up: clean, without a slash at its start, and with one at its end for the
// index of a directory.
func (s *static) key(rel string) (string, error) {
	dir := rel == "" || rel[len(rel)-1] == '/'
	name := strings.TrimSuffix(rel, "/")
	if strings.IndexByte(name, 0) >= 0 || strings.IndexByte(name, '\\') >= 0 || strings.Contains(rel, "//") {
		return "", ErrNotFound
	}
	if last := name[strings.LastIndexByte(name, '/')+1:]; last == "." || last == ".." {
		dir = true
	}
	name = path.Clean(name)
	if !fs.ValidPath(name) || !s.opt.Hidden && hasHidden(name) || runtime.GOOS == "windows" && !validOnWindows(name) {
		return "", ErrNotFound
	}
	switch {
	case name == ".":
		return "/", nil
	case dir:
		return name + "/", nil
	}
	return name, nil
}

// hasHidden reports whether a segment of a clean path begins with a dot.
func hasHidden(name string) bool {
	for segment := range strings.SplitSeq(name, "/") {
		if segment[0] == '.' && segment != "." && segment != ".well-known" {
			return true
		}
	}
	return false
}

// validOnWindows refuses names that Windows takes for others: devices and streams, and those with dots or spaces at their end.
func validOnWindows(name string) bool {
	for segment := range strings.SplitSeq(name, "/") {
		if strings.TrimRight(segment, ". ") != segment && segment != "." || strings.ContainsAny(segment, `<>:"|?*~`) {
			return false
		}
	}
	return true
}

// redirectToDir answers 308 to the path with a slash at its end.
func (c *Ctx) redirectToDir() {
	buf := pool.GetBuffer(len(c.path) + 64)
	defer pool.PutBuffer(buf)
	buf.B = append(wire.AppendPath(buf.B, bytesconv.String(c.path)), '/')
	c.redirectHere(buf)
}

// pageOffers are in this order so that "*/*" is not for pages.
var pageOffers = []string{"application/octet-stream", "text/html"}

// opensPage reports whether a browser opens a page, and not a part of one.
func opensPage(c *Ctx, key string) bool {
	accept, _ := c.listField("Accept")
	return !hasExtension(key) && wire.MediaType(accept, pageOffers) == 1
}

// hasExtension reports whether the last segment of a path has a dot.
func hasExtension(name string) bool {
	return strings.IndexByte(name[strings.LastIndexByte(name, '/')+1:], '.') >= 0
}

// variantsOf are the encodings of siblings, the preferred first.
var variantsOf = []struct{ encoding, extension string }{{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}}

// choose returns what of f the request's Accept-Encoding prefers.
func (f *staticFile) choose(c *Ctx) *variant {
	last := len(f.variants) - 1 // the file itself
	if last == 0 {
		return &f.variants[0]
	}
	h := &c.fc.Response.Header
	if len(h.PeekBytes(varyName)) == 0 {
		h.SetCanonical(varyName, acceptEncodingValue) // perf: Vary makes strings (BenchmarkQuartStaticFile)
	} else {
		Vary(c, "Accept-Encoding")
	}
	if accept, ok := c.listField("Accept-Encoding"); ok {
		if i := wire.Encoding(accept, f.offers); i >= 0 {
			return &f.variants[i]
		}
	}
	return &f.variants[last]
}

var (
	varyName            = []byte("Vary")
	acceptEncodingValue = []byte("Accept-Encoding")
)

// sendOpened answers with a file that is not in memory. One that has changed since it was looked at is looked at again.
func (s *static) sendOpened(c *Ctx, f *staticFile, v *variant) error {
	for range 3 {
		file, info, err := s.open(v.name)
		if err != nil {
			return c.staticError(v.name, err)
		}
		if v.same(info) {
			return c.sendRepresentation(&v.representation, file)
		}
		_ = file.Close()
		if f, err = s.load(f.key); err != nil {
			return c.staticError(v.name, err)
		}
		s.cache.put(f)
		if v = f.choose(c); v.data != nil {
			return c.sendRepresentation(&v.representation, nil)
		}
	}
	return fmt.Errorf("quart: the file %q changes all the time", v.name)
}

// staticError is what a file that is not to be had is answered with.
func (c *Ctx) staticError(name string, err error) error {
	if notFound(err) {
		return ErrNotFound
	}
	return c.openError(name, err)
}
