package radix

import (
	"bytes"
	"math"
)

// Span is a range of bytes in a path.
type Span struct{ Start, End uint32 }

// Match receives the parameters of a match. It can be used again without a
// reset.
type Match struct {
	N     int             // number of parameters of the matched pattern; 0 if none matched
	Spans [MaxParams]Span // in the order of Pattern.Params; absent optional ones are empty; undefined from N on
}

// Value returns the value of parameter i as a part of path, which must be the
// one that was looked up. It is nil if i is out of range or the parameter is an
// optional one that is absent; no other value is empty.
func (m *Match) Value(path []byte, i int) []byte {
	if uint(i) >= uint(m.N) {
		return nil
	}
	s := m.Spans[i]
	if s.Start == s.End {
		return nil
	}
	return path[s.Start:s.End:s.End]
}

// Lookup returns the value of the pattern that matches the whole path, and sets
// m. It does not allocate and keeps nothing of path. Paths of 2 GiB and more
// match nothing.
func (t *Tree[V]) Lookup(path []byte, m *Match) (v V, ok bool) {
	l := t.lookup(path, m)
	if l == nil {
		m.N = 0
		return v, false
	}
	m.N = l.params
	if l.partial {
		l.arrange(m)
	}
	return t.values[l.value], true
}

// lookup is Lookup before the leaf is used.
func (t *Tree[V]) lookup(path []byte, m *Match) *leaf {
	if len(path) > math.MaxInt32 {
		return nil
	}
	// perf: a path without parameters wins over all others, so that a map can
	// answer before the tree (BenchmarkLookupStatic); the filter keeps most of
	// the others from it (BenchmarkLookupParam1).
	if t.filter.has(path) {
		if l := t.static[string(path)]; l != nil {
			return l
		}
	}
	mt := matcher{path, &m.Spans}
	return mt.match(&t.root, 0, 0)
}

// filter has a bit for each length, last byte and byte in the middle of the
// static paths.
type filter [8]uint64

func (f *filter) has(path []byte) bool {
	i := filterBit(path)
	return f[i>>6]&(1<<(i&63)) != 0
}

func (f *filter) add(path []byte) {
	i := filterBit(path)
	f[i>>6] |= 1 << (i & 63)
}

func filterBit(path []byte) uint {
	n := len(path)
	if n == 0 {
		return 0
	}
	return (uint(n) + 37*uint(path[n-1]) + 101*uint(path[n/2])) & 511
}

// arrange moves the spans of a variant to the places of its parameters.
func (l *leaf) arrange(m *Match) {
	spans := m.Spans
	clear(m.Spans[:l.params])
	for i, slot := range l.slots {
		m.Spans[slot] = spans[i]
	}
}

// matcher is a lookup under way.
type matcher struct {
	path  []byte
	spans *[MaxParams]Span
}

// match matches path[pos:] below n and returns the leaf. The spans from index
// params on are still to be set.
//
// It calls itself only where something else remains to be tried, once per node
// of the tree at most; all other steps are made by the loop.
func (mt *matcher) match(n *node, pos, params int) *leaf {
walk:
	for pos < len(mt.path) {
		child := mt.child(n, pos)
		if len(n.edges) == 0 {
			if child == nil {
				return nil
			}
			n = child
			pos += len(child.prefix)
			continue
		}
		if child != nil {
			if l := mt.match(child, pos+len(child.prefix), params); l != nil {
				return l
			}
		}
		end := segmentEnd(mt.path, pos)
		for i, e := range n.edges {
			switch {
			case e.plain:
				// perf: the common cases without calls (BenchmarkLookupParam5,
				// BenchmarkLookupInt, BenchmarkLookupPath).
				if pos == end {
					continue
				}
				mt.spans[params] = Span{uint32(pos), uint32(end)}
			case e.whole != nil:
				if pos == end || !e.whole.accepts(mt.path[pos:end]) {
					continue
				}
				mt.spans[params] = Span{uint32(pos), uint32(end)}
			case e.rest:
				if mt.path[pos] != '/' {
					mt.spans[params] = Span{uint32(pos), uint32(len(mt.path))}
					return e.leaf
				}
				continue
			case e.leaf != nil:
				if e.matchPath(mt.path, pos, mt.spans[params:]) {
					return e.leaf
				}
				continue
			case !e.split(mt.path, pos, end, mt.spans[params:]):
				continue
			}
			if i == len(n.edges)-1 {
				n, pos, params = e.next, end, params+len(e.params)
				continue walk
			}
			if l := mt.match(e.next, end, params+len(e.params)); l != nil {
				return l
			}
		}
		return nil
	}
	return n.leaf
}

// child returns the child of n whose prefix path[pos:] begins with, or nil.
func (mt *matcher) child(n *node, pos int) *node {
	c := mt.path[pos]
	for i := 0; i < len(n.first); i++ {
		if n.first[i] != c {
			continue
		}
		child := n.children[i]
		end := pos + len(child.prefix)
		if len(child.prefix) == 1 || end <= len(mt.path) && string(mt.path[pos:end]) == child.prefix {
			return child
		}
		return nil
	}
	return nil
}

func segmentEnd(path []byte, pos int) int {
	if i := bytes.IndexByte(path[pos:], '/'); i >= 0 {
		return pos + i
	}
	return len(path)
}

// matchPath matches the edge, which has a path parameter, against path[pos:].
func (e *edge) matchPath(path []byte, pos int, spans []Span) bool {
	// Only the path parameter contains slashes, so the tail is as many segments
	// from the end as it has.
	end := len(path)
	for i := len(e.tail) - 1; i >= 0; i-- {
		slash := bytes.LastIndexByte(path[pos:end], '/')
		if slash < 0 {
			return false
		}
		end = pos + slash
	}
	if !e.split(path, pos, end, spans) {
		return false
	}
	spans = spans[len(e.params):]
	for i := range e.tail {
		s := &e.tail[i]
		start := end + 1
		end = segmentEnd(path, start)
		if !s.split(path, start, end, spans) {
			return false
		}
		spans = spans[len(s.params):]
	}
	return true
}
