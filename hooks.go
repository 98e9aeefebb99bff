package quart

// Flask's hooks are middleware here: one list and one order, from the app through its groups to the route on the way in, and back
// on the way out.

// Before runs f in front of what follows it. An error of f, or a response that it wrote, ends the way in: inner layers and the
// handler do not run, what was added earlier (an After, a Teardown) still does. (Flask: before_request.)
func Before(f func(c *Ctx) error) Middleware {
	return func(next Handler) Handler {
		return func(c *Ctx) error {
			if err := f(c); err != nil || c.Responded() {
				return err
			}
			return next(c)
		}
	}
}

// After runs f once the response is there. An error, or a panic, of what follows it is rendered first, so that f sees the
// response of an error too, and the error by Ctx.Err. An error of f replaces the response. (Flask: after_request.)
func After(f func(c *Ctx) error) Middleware {
	return func(next Handler) Handler {
		next = protect(next)
		return func(c *Ctx) error {
			failed := next(c)
			c.Fail(failed)
			if err := f(c); err != nil {
				return err
			}
			return failed // answered: for outer layers that roll back on an error
		}
	}
}

// Teardown runs f after what follows it, whatever happened; put it first to have it run last: after a panic it gets a *PanicError, after an error that error, also one
// that Fail has rendered, and nil otherwise. An error that f does not see is one of a layer added earlier. (Flask: teardown_request.)
func Teardown(f func(c *Ctx, err error)) Middleware {
	return func(next Handler) Handler {
		next = protect(next)
		return func(c *Ctx) error {
			err := next(c)
			if err == nil {
				f(c, c.Err())
				return nil
			}
			f(c, err)
			return err
		}
	}
}
