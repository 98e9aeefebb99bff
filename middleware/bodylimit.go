package middleware

import "github.com/goquart/quart"

// BodyLimit sets the most bytes that a request body may have: reading more is quart.ErrTooLarge (413). Negative is no limit, 0
// leaves the limit as it is. It goes before Route.BodyLimit and Config.BodyLimit; of several, the innermost counts. A body that nobody reads
// is not looked at. 0 allocations.
func BodyLimit(n int64) quart.Middleware {
	return func(next quart.Handler) quart.Handler {
		if n == 0 {
			return next
		}
		return func(c *quart.Ctx) error {
			c.SetBodyLimit(n)
			return next(c)
		}
	}
}
