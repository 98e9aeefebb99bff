package quart

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/goquart/quart/internal/bytesconv"
)

const (
	heldFile     = 64 << 10    // bytes of a file that stays in memory
	heldFiles    = 16 << 20    // bytes of all of them
	knownFiles   = 4096        // files whose size and time are kept
	hashedFile   = 16 << 20    // bytes of a file without a time that are hashed for its tag
	lookInterval = time.Second // between two looks at a file that is in use
)

// staticCache holds what was found, by key.
type staticCache struct {
	start time.Time
	mu    sync.RWMutex
	files map[string]*staticFile
	held  int // bytes of contents
}

// staticFile is a file with its encoded siblings. All but looked is read-only.
type staticFile struct {
	key      string
	variants []variant // siblings by preference, the file itself at the end
	offers   []string  // their encodings
	held     int
	looked   atomic.Int64 // when the file system was asked last: a duration since the cache's start
}

// variant is one encoding of a file.
type variant struct {
	representation
	name string
	time time.Time // as the file system has it
}

func (v *variant) same(info fs.FileInfo) bool {
	return v.size == info.Size() && v.time.Equal(info.ModTime())
}

func (ca *staticCache) get(key string) *staticFile {
	ca.mu.RLock()
	f := ca.files[key]
	ca.mu.RUnlock()
	return f
}

// put adds f, in the place of its predecessor or of whatever comes first.
func (ca *staticCache) put(f *staticFile) {
	f.looked.Store(int64(time.Since(ca.start)))
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if ca.files == nil {
		ca.files = map[string]*staticFile{}
	}
	ca.drop(f.key)
	for key := range ca.files {
		if len(ca.files) < knownFiles && ca.held+f.held <= heldFiles {
			break
		}
		ca.drop(key)
	}
	ca.files[f.key] = f
	ca.held += f.held
}

// drop is called with mu held.
func (ca *staticCache) drop(key string) {
	if f := ca.files[key]; f != nil {
		ca.held -= f.held
		delete(ca.files, key)
	}
}

func (ca *staticCache) remove(key string) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.drop(key)
}

// stale reports whether it is time to compare f with the file system.
func (s *static) stale(f *staticFile) bool {
	return !s.fixed && time.Since(s.cache.start)-time.Duration(f.looked.Load()) >= lookInterval
}

// claim is stale for one of those that ask at a time: the others go on with f as it is.
func (s *static) claim(f *staticFile) bool {
	looked := f.looked.Load()
	return s.stale(f) && f.looked.CompareAndSwap(looked, int64(time.Since(s.cache.start)))
}

// fresh returns the file of a key as it is now, or was a second ago.
func (s *static) fresh(key string) (*staticFile, error) {
	old := s.cache.get(key)
	if old != nil && (!s.claim(old) || s.unchanged(old)) {
		return old, nil
	}
	f, err := s.load(key)
	if err != nil {
		if old != nil {
			s.cache.remove(key)
		}
		return nil, err
	}
	s.cache.put(f)
	return f, nil
}

// unchanged compares f with the file system. A weak tag becomes a strong one by and by.
func (s *static) unchanged(f *staticFile) bool {
	found, err := s.look(s.fileName(f.key))
	if err != nil || len(found) != len(f.variants) {
		return false
	}
	for i := range found {
		v := &f.variants[i]
		if v.name != found[i].name || !v.same(found[i].info) || v.weak {
			return false
		}
	}
	return true
}

// fileName returns the file that a key stands for.
func (s *static) fileName(key string) string {
	if strings.HasSuffix(key, "/") {
		return strings.TrimPrefix(key+s.opt.Index, "/")
	}
	return key
}

// found is a file that exists.
type found struct {
	name, encoding string
	info           fs.FileInfo
}

// look returns a file and those of its siblings that may stand for it, in the order of staticFile.variants.
func (s *static) look(name string) ([]found, error) {
	info, err := s.stat(name)
	if err != nil {
		return nil, err
	}
	var all []found
	if compressible(mediaType(contentTypeOf(name))) {
		for _, v := range variantsOf {
			sibling, err := s.stat(name + v.extension)
			if err == nil && !sibling.ModTime().Before(info.ModTime()) {
				all = append(all, found{name + v.extension, v.encoding, sibling})
			}
		}
	}
	return append(all, found{name, "", info}), nil
}

// load reads a file and its siblings.
func (s *static) load(key string) (*staticFile, error) {
	if s.opt.Index == "" && strings.HasSuffix(key, "/") {
		return nil, errDirectory
	}
	name := s.fileName(key)
	all, err := s.look(name)
	if err != nil {
		return nil, err
	}
	f := &staticFile{key: key}
	contentType := contentTypeOf(name)
	cacheControl := s.assets
	if mediaType(contentType) == "text/html" && s.opt.MaxAge > 0 {
		cacheControl = strNoCache
	}
	for _, one := range all {
		v := variant{name: one.name}
		v.contentType, v.cacheControl = []byte(contentType), cacheControl
		offer := "identity"
		if one.encoding != "" {
			offer = one.encoding
			v.encoding = []byte(offer)
		}
		if err = s.loadVariant(&v); err != nil && one.encoding == "" {
			return nil, err
		}
		if err == nil {
			f.variants = append(f.variants, v)
			f.offers = append(f.offers, offer)
			f.held += len(v.data)
		}
	}
	return f, nil
}

// loadVariant reads what is kept of a file: its size and time, its content if that is small, its hash if it has no time.
func (s *static) loadVariant(v *variant) error {
	file, info, err := s.open(v.name)
	if err != nil {
		return err
	}
	defer file.Close()
	v.size, v.time = info.Size(), info.ModTime()
	if v.size <= heldFile {
		v.data = make([]byte, v.size)
		if _, err = io.ReadFull(file, v.data); err != nil {
			return fmt.Errorf("quart: the file %q: %w", v.name, err)
		}
	}
	if known(v.time) {
		suffix := ""
		if len(v.encoding) > 0 {
			suffix = "-" + string(v.encoding)
		}
		v.setTime(v.time, suffix)
		return nil
	}
	switch {
	case v.data != nil:
		v.etag = bytesconv.Bytes(ETagOf(v.data))
	case v.size <= hashedFile:
		v.etag, err = hashTag(file)
	}
	return err
}

// hashTag is ETagOf for what is too large to be held.
func hashTag(r io.Reader) ([]byte, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return nil, err
	}
	return []byte(`"` + hex.EncodeToString(h.Sum(nil)[:etagBytes]) + `"`), nil
}

func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return t
}

// ---- the file system ----

var errDirectory = errors.New("a directory")

// stat returns what a file is. A directory is errDirectory, and what is no regular file does not exist.
func (s *static) stat(name string) (info fs.FileInfo, err error) {
	if s.root != nil {
		info, err = s.root.Stat(name)
	} else {
		info, err = fs.Stat(s.files, name)
	}
	if err != nil {
		return nil, err
	}
	return info, regular(info)
}

func regular(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return errDirectory
	case !mode.IsRegular():
		return fs.ErrNotExist
	}
	return nil
}

// open opens a file that stat has seen, and looks again.
func (s *static) open(name string) (file fs.File, info fs.FileInfo, err error) {
	if s.root != nil {
		var f *os.File
		f, err = s.root.OpenFile(name, os.O_RDONLY|openNonblock, 0)
		file = f
	} else {
		file, err = s.files.Open(name)
	}
	if err != nil {
		return nil, nil, err
	}
	if info, err = file.Stat(); err == nil {
		err = regular(info)
	}
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// notFound reports whether a file does not exist, as far as a client may know. An error of an os.Root that is not the
// system's own says that a path leads out of it.
func notFound(err error) bool {
	for _, e := range []error{fs.ErrNotExist, ErrNotFound, errDirectory, syscall.ENOTDIR} {
		if errors.Is(err, e) {
			return true
		}
	}
	var at *fs.PathError
	var errno syscall.Errno
	return errors.As(err, &at) && !errors.As(err, &errno) && !errors.Is(err, fs.ErrPermission)
}
