package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// kept is how many files a shelf has: older ones are removed.
const kept = 20

// shelf keeps the newest files in a folder, under names of its own.
type shelf struct {
	root      *os.Root
	temporary bool // the folder goes away as well

	mu    sync.Mutex
	files []file // the newest first
}

// file is what is known of one. Its JSON is the answer to an upload.
type file struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"` // the client's word
	Type   string    `json:"type"`
	Size   int64     `json:"size"`
	SHA256 string    `json:"sha256"`
	At     time.Time `json:"at"`
}

// openShelf uses the folder, or a temporary one for "".
func openShelf(dir string) (*shelf, error) {
	temporary := dir == ""
	if temporary {
		var err error
		if dir, err = os.MkdirTemp("", "quart-upload-"); err != nil {
			return nil, err
		}
	}
	root, err := os.OpenRoot(dir)
	return &shelf{root: root, temporary: temporary}, err
}

// close removes all files.
func (s *shelf) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(s.files...)
	s.files = nil
	err := s.root.Close()
	if s.temporary {
		err = errors.Join(err, os.RemoveAll(s.root.Name()))
	}
	return err
}

// write copies r to a new file, which is no part of the shelf yet. If r fails, nothing is left.
func (s *shelf) write(name, contentType string, r io.Reader) (f file, err error) {
	f = file{ID: rand.Text(), Name: name, Type: contentType}
	out, err := s.root.OpenFile(f.ID, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return f, err
	}
	defer func() {
		err = errors.Join(err, out.Close())
		if err != nil {
			s.remove(f)
		}
	}()
	sum := sha256.New()
	f.Size, err = io.Copy(io.MultiWriter(out, sum), r)
	f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	f.At = time.Now().UTC().Truncate(time.Second)
	return f, err
}

// add puts files on the shelf, in the place of the oldest.
func (s *shelf) add(files []file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = append(slices.Clone(files), s.files...)
	if len(s.files) > kept {
		s.remove(s.files[kept:]...)
		s.files = s.files[:kept]
	}
}

// remove deletes files from the folder. Who reads one still can.
func (s *shelf) remove(files ...file) {
	for _, f := range files {
		_ = s.root.Remove(f.ID)
	}
}

// newest returns the files, the newest first.
func (s *shelf) newest() []file {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.files)
}

// open opens a file of the shelf. The error wraps fs.ErrNotExist if there is none.
func (s *shelf) open(id string) (f file, r *os.File, err error) {
	for _, f := range s.newest() {
		if f.ID == id {
			r, err := s.root.Open(id)
			return f, r, err
		}
	}
	return f, nil, os.ErrNotExist
}
