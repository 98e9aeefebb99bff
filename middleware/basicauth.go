package middleware

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"

	"github.com/goquart/quart"
)

// UserKey holds the name of the user whom BasicAuth let in.
var UserKey = quart.NewKey[string]("user")

// BasicAuthConfig configures BasicAuth. Exactly one of Users and Verify must be set.
type BasicAuthConfig struct {
	Realm string // shown by browsers. Default: "restricted"
	// Users are passwords by user name. The comparison takes the same time for a right and a wrong name or password; it looks at all users, so have
	// some, not thousands.
	Users map[string]string
	// Verify decides about a user and password itself, and has to compare in constant time.
	Verify func(c *quart.Ctx, user, password string) bool
}

// BasicAuth lets requests pass that bring a right user and password (RFC 7617), with the name in UserKey. Others
// are answered 401 with a challenge, as an *quart.HTTPError, which error handlers see. The password comes with every
// request in the clear: use TLS. 0 allocations with Users.
func BasicAuth(cfg BasicAuthConfig) quart.Middleware {
	if (len(cfg.Users) == 0) == (cfg.Verify == nil) {
		panic("middleware: BasicAuth needs either Users or Verify")
	}
	if cfg.Realm == "" {
		cfg.Realm = "restricted"
	}
	if !isFieldValue(cfg.Realm) {
		panic(fmt.Sprintf("middleware: BasicAuth with realm %q", cfg.Realm))
	}
	verify := cfg.Verify
	if verify == nil {
		verify = hashUsers(cfg.Users).verify
	}
	challenge := "Basic realm=" + quoted(cfg.Realm) + `, charset="UTF-8"`
	var refused error = &quart.HTTPError{Status: 401, Header: [][2]string{{"WWW-Authenticate", challenge}}}
	scheme := quart.SecurityScheme{Name: "basic", Type: "http", Scheme: "basic"}
	return quart.Secured(scheme, func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			user, password, ok := quart.BasicAuth(c)
			if !ok || !verify(c, user, password) {
				return refused
			}
			UserKey.Set(c, user)
			return next(c)
		}
	})
}

// quoted is s as a quoted-string (RFC 9110, section 5.6.4).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// hashedUsers are users and passwords as hashes: of equal length, so that no comparison tells one.
type hashedUsers []struct{ user, password [sha256.Size]byte }

func hashUsers(users map[string]string) hashedUsers {
	list := make(hashedUsers, 0, len(users))
	for user, password := range users {
		list = append(list, struct{ user, password [sha256.Size]byte }{hash(user), hash(password)})
	}
	return list
}

func hash(s string) [sha256.Size]byte {
	var buf [128]byte // perf: BenchmarkBasicAuth: keeps what is hashed off the heap
	return sha256.Sum256(append(buf[:0], s...))
}

func (list hashedUsers) verify(_ *quart.Ctx, user, password string) bool {
	u, p := hash(user), hash(password)
	found := 0
	for i := range list {
		found |= subtle.ConstantTimeCompare(list[i].user[:], u[:]) & subtle.ConstantTimeCompare(list[i].password[:], p[:])
	}
	return found == 1
}
