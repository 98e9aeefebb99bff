package quart

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
)

// secureListener marks a listener that Listen made for TLS.
type secureListener struct{ net.Listener }

// isTLSListener tells tls.NewListener's result, whose type crypto/tls does not export.
func isTLSListener(l net.Listener) bool {
	if _, ok := l.(*secureListener); ok {
		return true
	}
	return fmt.Sprintf("%T", l) == "*tls.listener"
}

// listen opens one address of Listen's.
func (a *App) listen(addr string) (net.Listener, error) {
	if rest, ok := strings.CutPrefix(addr, "http://"); ok {
		return net.Listen("tcp", strings.TrimSuffix(rest, "/"))
	}
	secure := a.cfg.TLS != nil
	if rest, ok := strings.CutPrefix(addr, "https://"); ok {
		if !secure {
			return nil, errors.New("quart: listen on " + addr + ": Config.TLS is not set")
		}
		addr = strings.TrimSuffix(rest, "/")
	}
	if c := a.cfg.TLS; secure && len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil {
		return nil, errors.New("quart: listen on " + addr + ": Config.TLS has no certificate")
	}
	l, err := listenRaw(addr)
	if err != nil || !secure {
		return l, err
	}
	return &secureListener{tls.NewListener(l, a.cfg.withALPN())}, nil
}

// withALPN lets clients choose the protocol when the user named none.
func (c *Config) withALPN() *tls.Config {
	own := c.TLS.Clone()
	if len(own.NextProtos) == 0 {
		own.NextProtos = []string{"h2", "http/1.1"}
	}
	if c.HTTP2.Off {
		own.NextProtos = slices.DeleteFunc(slices.Clone(own.NextProtos), func(p string) bool { return p == "h2" })
	}
	return own
}

func listenRaw(addr string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return listenUnix(path)
	}
	if fd, ok := strings.CutPrefix(addr, "fd:"); ok {
		n, err := strconv.Atoi(fd)
		if err != nil || n < 3 {
			return nil, fmt.Errorf("quart: listen on %q: a descriptor is a number from 3", addr)
		}
		f := os.NewFile(uintptr(n), addr)
		defer f.Close()
		return net.FileListener(f)
	}
	return net.Listen("tcp", addr)
}

// listenUnix replaces a socket that nobody serves any more.
func listenUnix(path string) (net.Listener, error) {
	l, err := net.Listen("unix", path)
	if err == nil {
		return l, nil
	}
	info, statErr := os.Lstat(path)
	if statErr != nil || info.Mode()&os.ModeSocket == 0 {
		return nil, err
	}
	if nc, dialErr := net.Dial("unix", path); dialErr == nil {
		_ = nc.Close()
		return nil, err // somebody does
	}
	if os.Remove(path) != nil {
		return nil, err
	}
	return net.Listen("unix", path)
}
