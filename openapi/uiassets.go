package openapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/swaggest/swgui/v5/static"
)

//go:generate ui/fetch-elements

// ownFiles are the files of the pages that no module has: our frame, and Elements as fetch-elements brings it.
//
//go:embed ui/docs.js ui/docs.css ui/elements/*.gz
var ownFiles embed.FS

// uiSources say where each asset comes from.
var uiSources = []struct {
	name  string
	files fs.FS
	path  string // compressed where it ends in .gz
}{
	{"swagger-ui-bundle.js", static.FS, "swagger-ui-bundle.js.gz"},
	{"swagger-ui.css", static.FS, "swagger-ui.css.gz"},
	{"elements.js", ownFiles, "ui/elements/web-components.min.js.gz"},
	{"elements.css", ownFiles, "ui/elements/styles.min.css.gz"},
	{"docs.js", ownFiles, "ui/docs.js"},
	{"docs.css", ownFiles, "ui/docs.css"},
}

// uiAssets are the assets under the names that they are served by.
type uiAssets struct {
	files  assetFS
	served map[string]string // by the name in uiSources
}

// loadAssets gives every asset a name with a hash of its content, so that browsers can keep it for ever. A compressed one is there twice: as
// name.gz for quart's Static, which sends that to who accepts it, and as it is for the others.
var loadAssets = sync.OnceValue(func() *uiAssets {
	all := &uiAssets{files: assetFS{}, served: map[string]string{}}
	for _, source := range uiSources {
		content, err := fs.ReadFile(source.files, source.path)
		if err != nil {
			panic("openapi: " + err.Error()) // cannot be: it is embedded
		}
		name := hashedName(source.name, content)
		all.served[source.name] = name
		plain := asset{name: name, content: content, size: int64(len(content))}
		if strings.HasSuffix(source.path, ".gz") {
			all.files[name+".gz"] = asset{name: name + ".gz", content: content, size: plain.size}
			plain.compressed = true
			plain.size = int64(binary.LittleEndian.Uint32(content[len(content)-4:])) // ISIZE, RFC 1952 section 2.3.1
		}
		all.files[name] = plain
	}
	return all
})

// hashedName puts a hash of the content in front of the extension.
func hashedName(name string, content []byte) string {
	sum := sha256.Sum256(content)
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:6]) + ext
}

// assetFS is a flat directory. Its files have no times, so that quart takes them for constant.
type assetFS map[string]asset

// Open opens a file, or the directory itself.
func (files assetFS) Open(name string) (fs.File, error) {
	if name == "." {
		return &openAsset{info: asset{name: ".", dir: true}, Reader: strings.NewReader("")}, nil
	}
	a, ok := files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	r := bytes.NewReader(a.content)
	if !a.compressed {
		return seekableAsset{&openAsset{info: a, Reader: r}, r}, nil
	}
	plain, err := gzip.NewReader(r)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &openAsset{info: a, Reader: plain}, nil
}

// asset is one file, and its own fs.FileInfo.
type asset struct {
	name            string
	content         []byte
	size            int64
	compressed, dir bool // compressed: content is, the file is not
}

func (a asset) Name() string       { return a.name }
func (a asset) Size() int64        { return a.size }
func (a asset) ModTime() time.Time { return time.Time{} }
func (a asset) IsDir() bool        { return a.dir }
func (a asset) Sys() any           { return nil }

func (a asset) Mode() fs.FileMode {
	if a.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

type openAsset struct {
	info asset
	io.Reader
}

func (f *openAsset) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openAsset) Close() error               { return nil }

// seekableAsset is one that can be read from anywhere, for ranges.
type seekableAsset struct {
	*openAsset
	io.Seeker
}
