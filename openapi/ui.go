package openapi

import (
	"fmt"
	"html"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"github.com/goquart/quart"
)

// viewer is a page that shows the document.
type viewer struct {
	id, name string   // id is what docs.js knows it by
	path     string   // below Config.UI, "" for Config.UI itself
	styles   []string // assets
	scripts  []string
	csp      string // what its page may do besides uiPolicy
}

// viewers are the pages, in the order of their links.
var viewers = []viewer{
	{
		id: "swagger", name: "Swagger UI",
		styles:  []string{"swagger-ui.css", "docs.css"},
		scripts: []string{"swagger-ui-bundle.js"},
		csp:     "style-src 'self'",
	},
	{
		id: "elements", name: "Reference", path: "reference",
		styles:  []string{"elements.css", "docs.css"},
		scripts: []string{"elements.js"},
		csp:     "style-src 'self' " + elementsStyle,
	},
}

// elementsStyle is the hash of the one style sheet that Elements adds by a script.
const elementsStyle = "'sha256-MBVp6JYxbC/wICelYC6eULCRpgi9kGezXXSaq/TS2+I='"

// uiPolicy is what every page may do: run and fetch what this server has. Data URLs are the viewers' icons.
const uiPolicy = "default-src 'none'; script-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const assetAge = 365 * 24 * time.Hour

// filer is what App and Group have besides Router.
type filer interface {
	Static(prefix string, files fs.FS, opt ...quart.StaticOptions) *quart.Route
}

// serveUI serves the pages that show the document: Swagger UI at cfg.UI, Stoplight Elements at reference below it. All that they need is
// in the program, and their policy lets them fetch nothing from elsewhere but from cfg.Servers. They link to everything relative to
// themselves, so they work behind a proxy that takes a prefix away, whether it says so or not.
func serveUI(r quart.Router, cfg *Config) {
	if cfg.UI == "-" {
		return
	}
	if !strings.HasPrefix(cfg.UI, "/") || strings.ContainsAny(cfg.UI, "{}") {
		panic(fmt.Sprintf("openapi: Config.UI %q is no path", cfg.UI))
	}
	register := func(route *quart.Route, path string) { route.Name("openapi" + path).Doc(quart.Doc{Hidden: true}) }
	for i := range viewers {
		p := newUIPage(cfg, &viewers[i])
		register(r.Handle("GET", p.path, p.serve), p.path)
	}
	if slash := cfg.UI + "/"; cfg.UI != "/" {
		register(r.Handle("GET", slash, func(c *quart.Ctx) error { return c.Redirect(302, "../"+cfg.UI[strings.LastIndexByte(cfg.UI, '/')+1:]) }), slash)
	}
	path := cfg.uiPath("assets")
	register(r.(filer).Static(path, loadAssets().files, quart.StaticOptions{MaxAge: assetAge, Immutable: true}), path)
}

// uiPath is a path below that of the pages.
func (cfg *Config) uiPath(rest string) string {
	if rest == "" {
		return cfg.UI
	}
	return strings.TrimSuffix(cfg.UI, "/") + "/" + rest
}

// assetPath is where an asset is served.
func (cfg *Config) assetPath(name string) string {
	return cfg.uiPath("assets/" + loadAssets().served[name])
}

// uiPage is the page of a viewer.
type uiPage struct {
	path, csp  string
	html, etag string
}

func newUIPage(cfg *Config, v *viewer) *uiPage {
	p := &uiPage{path: cfg.uiPath(v.path), csp: uiPolicy + "; " + v.csp + "; connect-src 'self'" + origins(cfg.Servers)}
	var head, nav strings.Builder
	for _, name := range v.styles {
		fmt.Fprintf(&head, "<link rel=\"stylesheet\" href=\"%s\">\n", p.link(cfg.assetPath(name)))
	}
	for _, name := range v.scripts {
		fmt.Fprintf(&head, "<script defer src=\"%s\"></script>\n", p.link(cfg.assetPath(name)))
	}
	for i := range viewers {
		current := ""
		if &viewers[i] == v {
			current = ` aria-current="page"`
		}
		fmt.Fprintf(&nav, "<a href=\"%s\"%s>%s</a>\n", p.link(cfg.uiPath(viewers[i].path)), current, viewers[i].name)
	}
	p.html = strings.NewReplacer(
		"{title}", html.EscapeString(cfg.Title), "{viewer}", v.name, "{id}", v.id,
		"{head}", head.String(), "{nav}", nav.String(), "{script}", p.link(cfg.assetPath("docs.js")),
		"{root}", p.link("/"), "{json}", p.link(cfg.Path), "{yaml}", p.link(cfg.yamlPath()),
	).Replace(uiHTML)
	p.etag = quart.ETagOf([]byte(p.html))
	return p
}

const uiHTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: {viewer}</title>
<link rel="icon" href="data:,">
{head}<script type="module" src="{script}"></script>
</head>
<body data-viewer="{id}" data-document="{json}" data-server="{root}">
<header class="docs-bar"><strong>{title}</strong>
<nav aria-label="Documentation">
{nav}<a href="{json}">JSON</a>
<a href="{yaml}">YAML</a>
</nav></header>
<main id="docs" aria-busy="true"><p class="docs-note">Loading the document.</p></main>
<noscript><p class="docs-note">This page needs JavaScript. The document itself is there as JSON and as YAML.</p></noscript>
</body>
</html>
`

// link is the relative reference from the page to a path, escaped for an attribute.
func (p *uiPage) link(path string) string {
	up := strings.Repeat("../", strings.Count(p.path, "/")-1)
	return html.EscapeString("./" + up + (&url.URL{Path: path[1:]}).EscapedPath())
}

func (p *uiPage) serve(c *quart.Ctx) error {
	c.SetHeader("Content-Security-Policy", p.csp)
	c.SetHeader("Referrer-Policy", "same-origin")
	return c.SendContent(strings.NewReader(p.html), quart.FileOptions{ContentType: "text/html; charset=utf-8", ETag: p.etag})
}

// origins are those of servers elsewhere, which the pages send requests to, each after a space.
func origins(servers []Server) string {
	var b strings.Builder
	for _, s := range servers {
		u, err := url.Parse(s.URL)
		if err == nil && (u.Scheme == "http" || u.Scheme == "https") && isHost(u.Host) {
			b.WriteString(" " + u.Scheme + "://" + u.Host)
		}
	}
	return b.String()
}

// isHost keeps what could end a directive, and the variables of a server's URL, out of the policy.
func isHost(s string) bool { return s != "" && !strings.ContainsAny(s, "{}'*,; ") }
