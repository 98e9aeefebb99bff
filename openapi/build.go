package openapi

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goquart/quart"
)

var stringType = reflect.TypeFor[string]()

// builder makes the document of an app.
type builder struct {
	cfg       Config
	doc       *document
	reflector *reflector
	shapes    map[string]string // the path of each shape
	ids       []*identity
	schemes   map[quart.SecurityScheme]string // their names in the document
	tags      map[string]bool
	problems  map[int]bool // statuses that components describe
}

// build describes the routes.
func build(app *quart.App, cfg Config) (*document, error) {
	cfg = cfg.defaults()
	b := &builder{
		cfg: cfg, reflector: newReflector(),
		shapes: map[string]string{}, schemes: map[quart.SecurityScheme]string{}, tags: map[string]bool{}, problems: map[int]bool{},
	}
	b.doc = &document{OpenAPI: specVersion, Info: infoOf(cfg), ExternalDocs: cfg.ExternalDocs, Paths: map[string]*pathItem{}}
	for _, s := range cfg.Servers {
		b.doc.Servers = append(b.doc.Servers, server{URL: s.URL, Description: s.Description})
	}
	b.doc.Security = b.security(cfg.Security)
	b.routes(app)
	b.nameOperations()
	b.doc.Tags = b.listTags()
	return b.doc, b.addComponents()
}

func infoOf(cfg Config) info {
	return info{
		Title: cfg.Title, Summary: cfg.Summary, Description: cfg.Description, Terms: cfg.Terms,
		Contact: cfg.Contact, License: cfg.License, Version: cfg.Version,
	}
}

// routes adds the operations of all routes: those of any method last, as they take what is left, and websockets after GET.
func (b *builder) routes(app *quart.App) {
	var sockets, anys []quart.RouteInfo
	for route := range app.Routes() {
		switch info := route.Info(); {
		case info.Doc.Hidden:
		case info.WebSocket:
			sockets = append(sockets, info)
		case info.Method == quart.MethodAny:
			anys = append(anys, info)
		default:
			b.route(&info, info.Method)
		}
	}
	for i := range sockets {
		b.route(&sockets[i], "GET")
	}
	for i := range anys {
		for _, method := range [...]string{"GET", "PUT", "POST", "DELETE", "PATCH"} {
			b.route(&anys[i], method)
		}
	}
}

// route adds the operations of one route for a method: one for each path that its pattern stands for.
func (b *builder) route(info *quart.RouteInfo, method string) {
	_, hostParams := partsOf(info.Host, 0)
	parts, _ := partsOf(info.Pattern, hostParams)
	for i, t := range templatesOf(parts, info.Params) {
		path, known := b.shapes[t.shape]
		if !known {
			path = t.path
			b.shapes[t.shape] = path
			b.doc.Paths[path] = &pathItem{}
		}
		op := b.operation(info, t, namesIn(path))
		if !b.place(b.doc.Paths[path], info, method, t, op) {
			continue
		}
		id := &identity{op: op, info: info, method: method, path: t.path, variant: i}
		if info.WebSocket {
			id.method = info.Method
		}
		b.ids = append(b.ids, id)
	}
}

// namesIn returns the names of the parameters of a path.
func namesIn(path string) []string {
	var names []string
	for {
		_, rest, found := strings.Cut(path, "{")
		if !found {
			return names
		}
		name, after, _ := strings.Cut(rest, "}")
		names, path = append(names, name), after
	}
}

// place puts an operation where it belongs in its path. It reports false for one that is left out: of a route for any method,
// where another route has the method.
func (b *builder) place(item *pathItem, info *quart.RouteInfo, method string, t template, op *operation) bool {
	slot := item.slot(method)
	switch {
	case slot == nil && item.Additional[method] == nil:
		if item.Additional == nil {
			item.Additional = map[string]*operation{}
		}
		item.Additional[method] = op
	case slot != nil && *slot == nil:
		*slot = op
	case info.Method == quart.MethodAny:
		return false
	case info.WebSocket && item.WebSocket == nil && !(*slot).WebSocket:
		item.WebSocket = op
	default:
		for i, index := range t.params { // its path is its own
			op.Parameters[i].Name = info.Params[index].Name
		}
		item.Alternatives = append(item.Alternatives, alternative{method, t.path, op})
	}
	return true
}

// operation describes a route. names are those of the parameters in the path of the document.
func (b *builder) operation(info *quart.RouteInfo, t template, names []string) *operation {
	op := &operation{
		Tags: tagsOf(info), Summary: info.Doc.Summary, Description: info.Doc.Description, Deprecated: info.Doc.Deprecated,
		WebSocket: info.WebSocket, Servers: b.serversOf(info),
	}
	for _, tag := range op.Tags {
		b.tags[tag] = true
	}
	if len(info.Security) > 0 {
		op.Security = b.security(slices.Concat(b.cfg.Security, info.Security))
	}
	op.Parameters = b.parameters(info, t, names)
	op.RequestBody = b.requestBody(info)
	op.Responses = b.responses(info, t)
	return op
}

// tagsOf returns the tags of an operation: a group around another would list its operations once more.
func tagsOf(info *quart.RouteInfo) []string {
	if len(info.Doc.Tags) > 0 {
		return slices.Clone(info.Doc.Tags)
	}
	if n := len(info.Tags); n > 0 {
		return []string{info.Tags[n-1]}
	}
	return nil
}

// serversOf describes the host of a route, whose parameters are variables.
func (b *builder) serversOf(info *quart.RouteInfo) []server {
	if info.Host == "" {
		return nil
	}
	parts, _ := partsOf(info.Host, 0)
	s := server{URL: "//"}
	for _, part := range parts {
		s.URL += part.literal
		if part.param < 0 {
			continue
		}
		p := &info.Params[part.param]
		s.URL += "{" + p.Name + "}"
		if s.Variables == nil {
			s.Variables = map[string]serverVariable{}
		}
		v := serverVariable{Default: cmp.Or(p.Default, p.Example, p.Name), Description: p.Doc}
		if _, _, alternatives := converter(p.Converter); len(alternatives) > 0 {
			v.Enum, v.Default = alternatives, alternatives[0]
		}
		s.Variables[p.Name] = v
	}
	return []server{s}
}

// security makes a requirement of schemes that are needed together, and describes them.
func (b *builder) security(schemes []quart.SecurityScheme) []requirement {
	if len(schemes) == 0 {
		return nil
	}
	all := requirement{}
	for _, s := range schemes {
		all[b.scheme(s)] = []string{}
	}
	return []requirement{all}
}

// scheme returns the name of a security scheme. Two that differ have two names.
func (b *builder) scheme(s quart.SecurityScheme) string {
	if name := b.schemes[s]; name != "" {
		return name
	}
	described := b.doc.Components.SecuritySchemes
	if described == nil {
		described = map[string]securityScheme{}
		b.doc.Components.SecuritySchemes = described
	}
	base := componentName(cmp.Or(s.Name, s.Scheme, s.Param, s.Type))
	name := base
	for n := 2; ; n++ {
		if _, taken := described[name]; !taken {
			break
		}
		name = base + strconv.Itoa(n)
	}
	b.schemes[s] = name
	d := securityScheme{Type: s.Type, Description: s.Description}
	switch s.Type {
	case "http":
		d.Scheme, d.BearerFormat = s.Scheme, s.BearerFormat
	case "apiKey":
		d.In, d.Name = s.In, s.Param
	case "oauth2":
		d.Flows = &struct{}{}
	case "mutualTLS":
	default:
		b.reflector.fail("security scheme %q: a scheme of type %q cannot be described", s.Name, s.Type)
	}
	described[name] = d
	return name
}

// componentName leaves what the key of a component may have.
func componentName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)) {
			return r
		}
		return '_'
	}, s)
	return cmp.Or(s, "security")
}

// listTags returns the tags of the options, and the others that operations have, by name.
func (b *builder) listTags() []Tag {
	list := slices.Clone(b.cfg.Tags)
	for _, name := range slices.Sorted(maps.Keys(b.tags)) {
		if !slices.ContainsFunc(list, func(t Tag) bool { return t.Name == name }) {
			list = append(list, Tag{Name: name})
		}
	}
	return list
}

// addComponents adds what operations refer to.
func (b *builder) addComponents() error {
	b.addProblems()
	schemas, err := b.reflector.resolve()
	if err != nil {
		return err
	}
	b.doc.Components.Schemas = schemas
	return nil
}

// identity is what the id of an operation is made of.
type identity struct {
	op      *operation
	info    *quart.RouteInfo
	method  string
	path    string
	variant int // 0 is the path with all optional parameters
}

// nameOperations gives each operation its id: that of Doc, else the name of the route, with the method where a name stands for
// several, else one of method and path. A number makes what is equal then different.
func (b *builder) nameOperations() {
	methods := map[string]map[string]bool{}
	for _, id := range b.ids {
		if name := id.name(); name != "" {
			if methods[name] == nil {
				methods[name] = map[string]bool{}
			}
			methods[name][id.method] = true
		}
	}
	taken := map[string]bool{}
	slices.SortStableFunc(b.ids, func(x, y *identity) int { return x.variant - y.variant })
	for _, id := range b.ids {
		name := id.name()
		switch {
		case name == "":
			name = derivedID(id.method, id.path)
		case len(methods[name]) > 1:
			name += "." + strings.ToLower(id.method)
		}
		id.op.ID = unique(name, taken)
	}
}

func (id *identity) name() string { return cmp.Or(id.info.Doc.OperationID, id.info.Name) }

// derivedID makes an id of a method and a path: getFilmsById of GET /films/{id}.
func derivedID(method, path string) string {
	id := strings.ToLower(method)
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	path = strings.ReplaceAll(path, "{", "/\x00")
	n := 0
	for piece := range strings.FieldsFuncSeq(path, func(r rune) bool {
		return r != 0 && (r >= 0x80 || !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'))
	}) {
		n++
		if rest, param := strings.CutPrefix(piece, "\x00"); param {
			id += "By" + word(rest)
		} else {
			id += word(piece)
		}
	}
	if n == 0 {
		id += "Root"
	}
	return id
}

// status returns the key of a response.
func status(code int) string {
	if code == 0 {
		return "default"
	}
	return fmt.Sprint(code)
}
