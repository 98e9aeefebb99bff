package main

import (
	"strings"

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

// person is an input with a rule: an age is over 0, and not absent.
type person struct {
	Name string   `json:"name" example:"Ada"`
	Age  int      `json:"age" rules:"required,exclusiveMin=0" example:"36"`
	Tags []string `json:"tags"`
}

func bind(_ *quart.Ctx, p person) (person, error) { return p, nil }

func echo(c *quart.Ctx) error {
	body, err := c.Body()
	if err != nil {
		return err
	}
	return c.Bytes(200, c.Header("Content-Type"), body)
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
