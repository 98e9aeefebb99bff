//go:build !unix || aix

package netwatch

import "syscall"

// watcher is for systems on which nothing can be watched.
type watcher struct{}

func (*watcher) watch(syscall.RawConn, Gone) (Handle, error) { return 0, ErrUnsupported }
func (*watcher) forget(Handle) bool                          { return false }
func (*watcher) close()                                      {}
