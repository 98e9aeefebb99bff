package main

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strconv"
	"strings"
	"time"

	"github.com/goquart/quart"
)

func plaintext(c *quart.Ctx) error { return c.Text(200, "Hello, World!") }

type message struct {
	Message string `json:"message"`
}

func jsonMessage(c *quart.Ctx) error {
	return c.JSON(200, &message{"Hello, World!"})
}

func user(c *quart.Ctx) error { return c.Text(200, c.Param("user")) }

type issueRef struct {
	Owner  string `json:"owner"`
	Repo   string `json:"repo"`
	Number string `json:"number"`
}

func issue(c *quart.Ctx) error {
	return c.JSON(200, &issueRef{c.Param("owner"), c.Param("repo"), c.Param("number")})
}

func fifth(c *quart.Ctx) error { return c.Text(200, c.Param("e")) }

type person struct {
	Name string   `json:"name"`
	Age  int      `json:"age"`
	Tags []string `json:"tags"`
}

// Validate makes an age of 0 or less a 422.
func (p person) Validate() error {
	if p.Age <= 0 {
		return quart.Problems(quart.FieldError{Pointer: "/age", Detail: "must be over 0"})
	}
	return nil
}

func bind(_ *quart.Ctx, p person) (person, error) { return p, nil }

func echo(c *quart.Ctx) error {
	body, err := c.Body()
	if err != nil {
		return err
	}
	return c.Bytes(200, c.Header("Content-Type"), body)
}

// upload adds up the sizes of the files of a multipart body, as it arrives.
func upload(c *quart.Ctx) error {
	kind, params, err := mime.ParseMediaType(c.Header("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return quart.Errorf(415, "the body is no multipart form")
	}
	parts := multipart.NewReader(c.BodyReader(), params["boundary"])
	var total int64
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return c.Text(200, strconv.FormatInt(total, 10))
		}
		if err != nil {
			return badUpload(err)
		}
		n, err := io.Copy(io.Discard, part)
		if err != nil {
			return badUpload(err)
		}
		if part.FileName() != "" {
			total += n
		}
	}
}

// badUpload keeps errors of the body, such as a timeout; what is left is a malformed form.
func badUpload(err error) error {
	var status *quart.HTTPError
	if errors.As(err, &status) {
		return err
	}
	return quart.Errorf(400, "the multipart form is malformed: %w", err)
}

// slow answers after ?ms=, unless the client leaves before.
func (s *server) slow(c *quart.Ctx) error {
	timer := time.NewTimer(time.Duration(c.QueryInt("ms", 0)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return c.Text(200, "slow")
	case <-c.Context().Done():
		s.gone.Add(1)
		return c.Context().Err()
	}
}

func (s *server) showGone(c *quart.Ctx) error {
	return c.Text(200, strconv.FormatInt(s.gone.Load(), 10))
}

func redirect(c *quart.Ctx) error { return c.Redirect(302, c.Query("to")) }

// header refuses here what SetHeader would take for a bug of the server's.
func header(c *quart.Ctx) error {
	v := c.Query("v")
	if strings.ContainsAny(v, "\r\n\x00") {
		return quart.Errorf(400, "a header cannot have CR, LF or NUL")
	}
	c.SetHeader("X-Echo", v)
	return c.NoContent()
}
