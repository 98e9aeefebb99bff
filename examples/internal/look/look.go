// Package look is how the examples look: one stylesheet of at most 8 KB, an icon and a module of a few lines, all embedded, so
// that a page needs neither a build step nor another host. See [CSS], [Icon] and [JS]. Pages link them with [Version] in the
// query: the files may then be kept by the browser for ever.
package look

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
)

// CSS is the stylesheet. It has a light and a dark face, chosen by prefers-color-scheme.
//
//go:embed style.css
var CSS []byte

// JS is a module that shows times in the reader's zone.
//
//go:embed look.js
var JS []byte

// Icon is the icon of the site, an SVG image.
//
//go:embed icon.svg
var Icon []byte

// Version changes whenever one of the files does.
var Version = version()

func version() string {
	h := sha256.New()
	h.Write(CSS)
	h.Write(JS)
	h.Write(Icon)
	return hex.EncodeToString(h.Sum(nil)[:4])
}
