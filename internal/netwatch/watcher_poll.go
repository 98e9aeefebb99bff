//go:build unix && !linux && !aix

package netwatch

type watcher = pollWatcher
