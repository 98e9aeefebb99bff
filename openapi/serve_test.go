package openapi_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/openapi"
	"github.com/goquart/quart/quarttest"
)

func TestServe(t *testing.T) {
	app := newZoo()
	openapi.Serve(app, zooConfig)
	cl := quarttest.New(t, app)
	for _, tt := range []struct {
		path, contentType string
		want              []byte
	}{
		{"/openapi.json", "application/json", openapi.Document(newZoo(), zooConfig)},
		{"/openapi.yaml", "application/yaml", openapi.YAML(newZoo(), zooConfig)},
	} {
		res := cl.Get(tt.path).Want(200)
		if res.Text() != string(tt.want) {
			t.Errorf("%s is not the document; it must not hold its own routes", tt.path)
		}
		if got := res.Header("Content-Type"); got != tt.contentType {
			t.Errorf("%s has the type %s", tt.path, got)
		}
		etag := res.Header("ETag")
		if got := cl.Get(tt.path).Header("If-None-Match", etag).Want(304).Text(); etag == "" || got != "" {
			t.Errorf("%s: entity tag %q, body of the 304 %q", tt.path, etag, got)
		}
	}
}

func TestDocsWithSlash(t *testing.T) {
	app := newZoo()
	openapi.Serve(app, openapi.Config{UI: "/api/docs"})
	r := quarttest.New(t, app).Get("/api/docs/").Want(302)
	if to := r.Header("Location"); to != "../docs" {
		t.Errorf("to %q", to)
	}
}

func TestServeElsewhere(t *testing.T) {
	app := newZoo()
	openapi.Serve(app, openapi.Config{Path: "/api/spec.json", UI: "-"})
	cl := quarttest.New(t, app)
	cl.Get("/api/spec.json").Want(200)
	cl.Get("/api/spec.yaml").Want(200)
	cl.Get("/docs").Want(404)
}

func TestServeFailsAtStart(t *testing.T) {
	app := quart.New(quart.Config{})
	quart.Get(app, "/", func(*quart.Ctx, quart.None) (badSchema, error) { return badSchema{}, nil })
	openapi.Serve(app, openapi.Config{UI: "-"})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel() // one that does start, stops
	if err := app.Serve(stopped, l); err == nil || !strings.Contains(err.Error(), "JSONSchema returns no JSON") {
		t.Errorf("Serve returned %v", err)
	}
}

func TestDocumentPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"mistake in a type": func() {
			app := quart.New(quart.Config{})
			quart.Get(app, "/", func(*quart.Ctx, quart.None) (badSchema, error) { return badSchema{}, nil })
			openapi.Document(app, openapi.Config{})
		},
		"path": func() { openapi.Serve(quart.New(quart.Config{}), openapi.Config{Path: "openapi.json"}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if v := recover(); v == nil || !strings.HasPrefix(v.(string), "openapi: ") {
					t.Errorf("panic %v", v)
				}
			}()
			f()
		})
	}
}
