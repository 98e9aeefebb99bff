package main

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"slices"
	"strconv"
	"sync"

	"github.com/goquart/quart"
)

//go:embed film.webm
var drawn []byte

// drawnTag is the entity tag of the drawn film: a player that comes back for more makes sure with it that the film is still the same.
var drawnTag = func() string {
	sum := sha256.Sum256(drawn)
	return strconv.Quote(hex.EncodeToString(sum[:8]))
}()

// cinema shows one film and notes who asks for which part.
type cinema struct {
	path string // "" for the drawn film

	mu       sync.Mutex
	requests []request // the latest first
	count    int
}

// request is one request for the film. Its JSON is what the page shows.
type request struct {
	Number       int    `json:"number"`
	Range        string `json:"range"`
	Status       int    `json:"status"`
	ContentRange string `json:"contentRange"`
}

// noted is how many requests are kept.
const noted = 12

// film answers with the film or the part that was asked for.
func (cm *cinema) film(c *quart.Ctx) error {
	if cm.path != "" {
		return c.SendFile(cm.path, quart.FileOptions{})
	}
	return c.SendContent(bytes.NewReader(drawn), quart.FileOptions{ContentType: "video/webm", ETag: drawnTag})
}

// note remembers what was asked for and how it is answered.
func (cm *cinema) note(next quart.Handler) quart.Handler {
	return func(c *quart.Ctx) error {
		err := next(c)
		if err != nil {
			c.Fail(err) // now the answer is known
		}
		cm.mu.Lock()
		defer cm.mu.Unlock()
		cm.count++
		r := request{cm.count, c.Header("Range"), c.Status(), c.ResponseHeader("Content-Range")}
		cm.requests = slices.Insert(cm.requests, 0, r)
		cm.requests = cm.requests[:min(len(cm.requests), noted)]
		return nil
	}
}

func (cm *cinema) showRequests(c *quart.Ctx) error {
	cm.mu.Lock()
	requests := slices.Clone(cm.requests)
	cm.mu.Unlock()
	if requests == nil {
		requests = []request{} // a list, not null
	}
	c.SetHeader("Cache-Control", "no-store")
	return c.JSON(200, requests)
}
