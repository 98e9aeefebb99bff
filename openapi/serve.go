package openapi

import (
	"context"
	"sync"
	"time"

	"github.com/goquart/quart"
)

// Document returns the OpenAPI document of app as JSON. It freezes the app, and panics when a type says of itself what cannot be: a rules tag
// that is none, or a method JSONSchema that returns no schema. The result is the caller's.
func Document(app *quart.App, cfg Config) []byte {
	b, err := generate(app, cfg)
	if err != nil {
		panic(err.Error())
	}
	return b
}

// YAML returns what Document does, as YAML 1.2.
func YAML(app *quart.App, cfg Config) []byte { return toYAML(Document(app, cfg)) }

func generate(app *quart.App, cfg Config) ([]byte, error) {
	doc, err := build(app, cfg)
	if err != nil {
		return nil, err
	}
	return doc.encode()
}

// Serve registers the routes of the document and of the pages that show it (see Config). The document is made once: when the app starts
// to serve, which fails with what Document would panic with, or at the first request where start hooks do not run. Answers have an ETag, and
// requests that have the document already are answered 304. None of these routes is in the document.
func Serve(app *quart.App, cfg Config) {
	cfg = cfg.defaults()
	made := sync.OnceValues(func() (served, error) {
		b, err := generate(app, cfg)
		if err != nil {
			return served{}, err
		}
		y := toYAML(b)
		return served{b, y, quart.ETagOf(b), quart.ETagOf(y)}, nil
	})
	app.BeforeServing(func(context.Context) error {
		_, err := made()
		return err
	})
	app.Get(cfg.Path, func(c *quart.Ctx) error {
		s, err := made()
		if err != nil {
			return err
		}
		return send(c, "application/json", s.json, s.jsonTag)
	}).Doc(quart.Doc{Hidden: true})
	app.Get(cfg.yamlPath(), func(c *quart.Ctx) error {
		s, err := made()
		if err != nil {
			return err
		}
		return send(c, "application/yaml", s.yaml, s.yamlTag)
	}).Doc(quart.Doc{Hidden: true})
	if cfg.UI != "-" {
		serveUI(app, &cfg)
	}
}

// served is the document in both forms, with their entity tags.
type served struct {
	json, yaml       []byte
	jsonTag, yamlTag string
}

func send(c *quart.Ctx, contentType string, b []byte, etag string) error {
	if done, err := quart.CheckConditions(c, etag, time.Time{}); done {
		return err
	}
	c.SetHeader("Cache-Control", "no-cache")
	return c.Bytes(200, contentType, b)
}
