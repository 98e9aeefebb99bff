package main

import (
	"bytes"
	"embed"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/examples/internal/look"
)

//go:embed page
var assets embed.FS

// uploads is what the handlers share.
type uploads struct {
	shelf *shelf
	limit int64         // bytes of an upload
	time  time.Duration // that it may take
}

// newApp routes everything. The caller closes the shelf after serving.
func newApp(cfg quart.Config, u *uploads) *quart.App {
	app := quart.New(cfg)
	page, err := fs.Sub(assets, "page")
	if err != nil {
		panic(err) // the folder's name is not valid
	}
	look.Routes(app)
	app.Static("/page", page)

	pages := app.Group("", look.Secure)
	quart.OnError(pages, u.showError)
	pages.Get("/", u.showPage).Name("uploads")
	pages.Post("/files", u.receive).BodyLimit(u.limit).BodyTimeout(u.time)
	pages.Get("/files/{id}", u.send).Name("file")
	return app
}

// receive stores the files of a form while they arrive: all of them or, when something goes wrong, none.
func (u *uploads) receive(c *quart.Ctx) error {
	var files []file
	done := false
	defer func() {
		if !done {
			u.shelf.remove(files...)
		}
	}()
	for part, err := range c.Parts() {
		if err != nil {
			return u.explain(c, err)
		}
		if part.FileName == "" {
			continue // a field, or no file was chosen
		}
		f, err := u.store(part)
		if err != nil {
			return u.explain(c, err)
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return quart.Errorf(422, "choose a file first")
	}
	done = true
	u.shelf.add(files)
	if wantsPage(c) {
		return c.Redirect(303, c.URL("uploads")+"#received")
	}
	return c.JSON(201, files)
}

// headSize is what http.DetectContentType looks at.
const headSize = 512

// store writes one file, if its first bytes are those of a kind that is taken: a name and a declared type prove nothing.
func (u *uploads) store(part *quart.Part) (file, error) {
	head := make([]byte, headSize)
	n, err := io.ReadFull(part, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return file{}, err
	}
	head = head[:n]
	contentType := http.DetectContentType(head)
	kind, _, _ := strings.Cut(contentType, "/")
	if !slices.Contains([]string{"image", "audio", "video"}, kind) {
		return file{}, quart.Errorf(415, "%s is neither a picture nor sound nor film", part.FileName)
	}
	return u.shelf.write(part.FileName, contentType, io.MultiReader(bytes.NewReader(head), part))
}

// explain puts what the client can change into words.
func (u *uploads) explain(c *quart.Ctx, err error) error {
	switch {
	case errors.Is(err, quart.ErrTooLarge):
		return quart.Errorf(413, "an upload may have %s", size(u.limit))
	case errors.Is(err, quart.ErrTimeout):
		return quart.Errorf(408, "an upload may take %s, and not stand still for long", span(u.time))
	case errors.Is(err, quart.ErrBadRequest):
		c.Log().Info("an upload was cut short", "error", err.Error())
	}
	return err
}

// send answers with a file, to be saved: shown here, it could run scripts in this origin.
func (u *uploads) send(c *quart.Ctx) error {
	f, r, err := u.shelf.open(c.Param("id"))
	if errors.Is(err, fs.ErrNotExist) {
		return quart.ErrNotFound
	}
	if err != nil {
		return err
	}
	return c.SendContent(r, quart.FileOptions{
		Name: f.Name, Attachment: true, ContentType: f.Type, ETag: `"` + f.SHA256 + `"`, ModTime: f.At,
	})
}

func (u *uploads) showPage(c *quart.Ctx) error {
	c.SetHeader("Cache-Control", "no-store") // the files change
	return c.Render(200, u.page(""))
}

// showError is the page again, with what is wrong, for browsers; scripts get the problem itself.
func (u *uploads) showError(c *quart.Ctx, err error) error {
	if !wantsPage(c) {
		return err
	}
	message := "Something went wrong, and was noted. Please try again in a moment."
	var he *quart.HTTPError
	if status := quart.StatusOf(err); status < 500 && errors.As(err, &he) {
		message = sentence(he.Detail, http.StatusText(status))
	}
	return c.Render(quart.StatusOf(err), u.page(message))
}

func (u *uploads) page(message string) *page {
	return &page{Files: u.shelf.newest(), Limit: u.limit, Time: u.time, Error: message}
}

func wantsPage(c *quart.Ctx) bool {
	return c.Accepts("application/json", "text/html") == "text/html"
}
