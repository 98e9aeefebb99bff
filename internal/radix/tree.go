package radix

import (
	"errors"
	"slices"
	"strings"
)

// ErrConflict is the error of [Tree.Add] for a pattern that matches the same
// paths as one in the tree: the literal text and the converters are equal, the
// names of the parameters may differ.
var ErrConflict = errors.New("radix: a pattern of the same shape exists")

// Tree maps patterns to values. The zero value is an empty tree. Lookups may run
// concurrently with each other, but not with Add.
type Tree[V any] struct {
	root   node
	static map[string]*leaf // whole paths without parameters
	filter filter           // of the keys of static
	values []V
}

// leaf is the end of a variant.
type leaf struct {
	value   int
	params  int     // parameters of the pattern
	slots   []uint8 // where the variant's parameters belong
	partial bool    // optional parameters are absent: slots must be used
}

// node is a place in a path where text was matched. Literal text continues in
// children; a parameter with the rest of its segment is an edge.
type node struct {
	prefix   string // the text that leads here from the parent
	first    string // the first bytes of the children's prefixes
	children []*node
	edges    []*edge // sorted: the first is tried first
	leaf     *leaf
}

// edge matches from a parameter to the end of its segment, or with a path
// parameter to the end of the path.
type edge struct {
	segment
	tail []segment // after a segment with a path parameter
	key  string

	// At most one of these is set, if one parameter is all that is left.
	plain bool   // of a segment: accepts every text
	whole *Param // of a segment
	rest  bool   // of the path: a path parameter

	next *node // nil after a path parameter
	leaf *leaf // after a path parameter
}

// Add adds a pattern. If it conflicts with one in the tree, nothing is added and
// the value of that one is returned with [ErrConflict].
func (t *Tree[V]) Add(p *Pattern, v V) (existing V, err error) {
	for i := range p.variants {
		if l := t.root.find(p.variants[i].segments); l != nil {
			return t.values[l.value], ErrConflict
		}
	}
	for i := range p.variants {
		va := &p.variants[i]
		l := &leaf{
			value:   len(t.values),
			params:  len(p.Params),
			slots:   va.slots,
			partial: len(va.slots) < len(p.Params),
		}
		t.root.add(va.segments, l)
		if len(va.slots) == 0 {
			t.addStatic(va.segments, l)
		}
	}
	t.values = append(t.values, v)
	return existing, nil
}

// Len returns the number of patterns.
func (t *Tree[V]) Len() int { return len(t.values) }

func (t *Tree[V]) addStatic(segments []segment, l *leaf) {
	if t.static == nil {
		t.static = make(map[string]*leaf)
	}
	texts := make([]string, len(segments))
	for i := range segments {
		texts[i] = segments[i].prefix
	}
	path := strings.Join(texts, "/")
	t.static[path] = l
	t.filter.add([]byte(path))
}

// add adds the segments below the root.
func (n *node) add(segments []segment, l *leaf) {
	text := ""
	for i := range segments {
		s := &segments[i]
		if i > 0 {
			text += "/"
		}
		text += s.prefix
		if len(s.params) == 0 {
			continue
		}
		e := n.literal(text).edge(s, segments[i+1:])
		if s.path >= 0 {
			e.leaf = l
			return
		}
		n, text = e.next, ""
	}
	n.literal(text).leaf = l
}

// literal returns the node at the end of the text below n, which it creates if
// necessary.
func (n *node) literal(text string) *node {
	for text != "" {
		i := strings.IndexByte(n.first, text[0])
		if i < 0 {
			child := &node{prefix: text}
			n.first += text[:1]
			n.children = append(n.children, child)
			return child
		}
		child := n.children[i]
		common := commonPrefix(child.prefix, text)
		if common < len(child.prefix) {
			upper := &node{
				prefix:   child.prefix[:common],
				first:    child.prefix[common : common+1],
				children: []*node{child},
			}
			child.prefix = child.prefix[common:]
			n.children[i] = upper
			child = upper
		}
		n, text = child, text[common:]
	}
	return n
}

func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

func edgeKey(s *segment, tail []segment) string {
	var b strings.Builder
	s.writeKey(&b)
	if s.path >= 0 {
		v := variant{segments: tail}
		b.WriteString(v.shape())
	}
	return b.String()
}

// edge returns the edge for the parameters of the segment, which it creates if
// necessary. The tail counts only after a path parameter.
func (n *node) edge(s *segment, tail []segment) *edge {
	key := edgeKey(s, tail)
	for _, e := range n.edges {
		if e.key == key {
			return e
		}
	}
	e := &edge{segment: *s, key: key}
	e.prefix = ""
	alone := len(s.params) == 1 && s.literals[0] == ""
	switch {
	case s.path >= 0:
		e.tail = tail
		e.rest = alone && len(tail) == 0
	case alone && s.params[0].plain():
		e.plain = true
	case alone:
		e.whole = s.params[0]
	}
	if s.path < 0 {
		e.next = new(node)
	}
	i, _ := slices.BinarySearchFunc(n.edges, e, compareEdges)
	n.edges = slices.Insert(n.edges, i, e)
	return e
}

// compareEdges orders the edges of a node.
func compareEdges(a, b *edge) int {
	if c := compareSegments(&a.segment, &b.segment, len(a.tail), len(b.tail)); c != 0 {
		return c
	}
	for i := range a.tail { // the tails are of equal length here
		c := compareLiterals(a.tail[i].prefix, b.tail[i].prefix)
		if c == 0 {
			c = compareSegments(&a.tail[i], &b.tail[i], 0, 0)
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// find returns the leaf of exactly these segments, or nil.
func (n *node) find(segments []segment) *leaf {
	text := ""
	for i := range segments {
		s := &segments[i]
		if i > 0 {
			text += "/"
		}
		text += s.prefix
		if len(s.params) == 0 {
			continue
		}
		if n = n.findLiteral(text); n == nil {
			return nil
		}
		key := edgeKey(s, segments[i+1:])
		j := slices.IndexFunc(n.edges, func(e *edge) bool { return e.key == key })
		if j < 0 {
			return nil
		}
		if s.path >= 0 {
			return n.edges[j].leaf
		}
		n, text = n.edges[j].next, ""
	}
	if n = n.findLiteral(text); n == nil {
		return nil
	}
	return n.leaf
}

func (n *node) findLiteral(text string) *node {
	for text != "" {
		i := strings.IndexByte(n.first, text[0])
		if i < 0 || !strings.HasPrefix(text, n.children[i].prefix) {
			return nil
		}
		n = n.children[i]
		text = text[len(n.prefix):]
	}
	return n
}
