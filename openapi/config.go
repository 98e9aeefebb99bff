package openapi

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/goquart/quart"
)

// Config holds the options of a document. Its zero value will do.
type Config struct {
	Title       string // default: "API"
	Version     string // of the API, not of OpenAPI. Default: "0.0.0"
	Summary     string
	Description string // CommonMark
	Terms       string // URL of the terms of service
	Contact     *Contact
	License     *License

	Path string // of the JSON document; the YAML is beside it. Default: "/openapi.json", and so "/openapi.yaml"
	UI   string // of the pages to read and try it. Default: "/docs"; "-" is none

	// Servers are where the API is served. Default: the server that the document comes from.
	Servers []Server
	// Tags describe the tags of operations, and order them. Others follow by name.
	Tags         []Tag
	ExternalDocs *ExternalDocs
	// Security is what every operation needs, all of it, besides what the layers of its route say: for checks that are made in
	// front of the app.
	Security []quart.SecurityScheme
}

// Server is one place where the API is served.
type Server struct {
	URL         string `json:"url"` // may be relative to the document: "/v1"
	Description string `json:"description,omitempty"`
}

// Tag describes a tag: operations have those of Doc.Tags, else the name of their innermost group.
type Tag struct {
	Name         string        `json:"name"`
	Description  string        `json:"description,omitempty"`
	ExternalDocs *ExternalDocs `json:"externalDocs,omitempty"`
}

// ExternalDocs points to more documentation.
type ExternalDocs struct {
	Description string `json:"description,omitempty"`
	URL         string `json:"url"`
}

// Contact is whom to ask about the API.
type Contact struct {
	Name  string `json:"name,omitempty"`
	URL   string `json:"url,omitempty"`
	Email string `json:"email,omitempty"`
}

// License is that of the API. Identifier, an SPDX expression, and URL exclude each other.
type License struct {
	Name       string `json:"name"`
	Identifier string `json:"identifier,omitempty"`
	URL        string `json:"url,omitempty"`
}

// defaults fills what is not set.
func (cfg Config) defaults() Config {
	cfg.Title = cmp.Or(cfg.Title, "API")
	cfg.Version = cmp.Or(cfg.Version, "0.0.0")
	cfg.Path = cmp.Or(cfg.Path, "/openapi.json")
	cfg.UI = cmp.Or(cfg.UI, "/docs")
	if !strings.HasPrefix(cfg.Path, "/") {
		panic(fmt.Sprintf("openapi: Config.Path %q does not begin with '/'", cfg.Path))
	}
	return cfg
}

// yamlPath is where the YAML is served: beside the JSON.
func (cfg Config) yamlPath() string {
	return strings.TrimSuffix(cfg.Path, ".json") + ".yaml"
}
