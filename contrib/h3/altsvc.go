package h3

import (
	"fmt"

	"github.com/goquart/quart"
)

// AltSvc adds Alt-Svc (RFC 7838) to answers over TLS that are not HTTP/3 themselves: clients learn that the same host serves HTTP/3 on this UDP port, and
// keep that for a day. Mount adds it by itself. An answer that has an Alt-Svc keeps its own. It panics when port is none.
func AltSvc(port int) quart.Middleware {
	if port < 1 || port > 65535 {
		panic(fmt.Sprintf("h3: AltSvc with port %d", port))
	}
	value := altSvcValue(port)
	return altSvc(func() *string { return &value })
}

func altSvcValue(port int) string { return fmt.Sprintf(`h3=":%d"; ma=86400`, port) }

// altSvc announces what value returns, unless that is nil.
func altSvc(value func() *string) quart.Middleware {
	return func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if v := value(); v != nil && announces(c) {
				c.SetHeader("Alt-Svc", *v) // before the handler: it may answer with another, and errors keep it
			}
			return next(c)
		}
	}
}

// announces reports whether the client came over TLS, to this process itself: where a proxy ends TLS, it is the proxy that could speak HTTP/3.
func announces(c *quart.Ctx) bool {
	fc := c.Fast()
	if _, already := fc.Conn().(*conn); already {
		return false
	}
	return fc.IsTLS()
}
