// Package radix holds route patterns and the tree that matches paths against
// them. It knows bytes only: no HTTP methods, no percent-encoding, no
// redirects. The router keeps one [Tree] per method and hands in the decoded
// path.
//
// # Patterns
//
// A pattern is literal text with parameters in braces:
//
//	/films/{id:int}              a converter
//	/files/{path:*}              the rest of the path, slashes included
//	/User:{name}                 text and a parameter in one segment
//	/range/{from:int}-{to:int}   several parameters in one segment
//	/wiki/{page:path}/edit       text, even parameters, after a path parameter
//	/page/{n:int?}               an optional segment: /page and /page/7
//	/isbn/{n:[0-9]{10}}          a regular expression (Go syntax)
//
// A parameter is never empty and matches within one segment, except a path
// parameter. What follows the colon is
//
//	string   the default; string(length=2), string(minlength=1,maxlength=9), in characters
//	int      digits, leading zeros allowed, at most math.MaxInt64;
//	         int(min=1,max=9), int(fixed_digits=4), int(signed) for one leading '-'
//	uint     the same without sign, at most math.MaxUint64
//	float    digits, a dot, digits; no exponent; float(min=0.5,max=9.5,signed)
//	uuid     8-4-4-4-12 hexadecimal digits of either case, with hyphens
//	any      any(a|b): one of the listed texts
//	path     or *: any non-empty text that does not begin with '/'
//
// or the name of a custom converter. A bare word must be one of these names;
// everything else that is not a known name with arguments is a regular
// expression in the syntax of package regexp, anchored at both ends of the
// parameter. It sees no more than one segment, so it cannot match a slash. A
// regular expression that is a bare word is written {x:(word)}.
//
// A question mark makes a parameter optional: {x?}, {x:int?}, {p:*?}; with a
// regular expression it stands after the name, {x?:[a-z]+}. An optional
// parameter is a whole segment, and leaves together with the slash before it.
// Consecutive optional segments are filled from the left: /a/{x?}/{y?} means
// /a, /a/{x} and /a/{x}/{y}.
//
// # Which pattern wins
//
// Never the one that was added first. Of all patterns that match, the winner is
// found segment by segment, and inside of a segment piece by piece: literal
// text comes before a parameter and a longer text before a shorter one; then
// parameters by kind: any, int, uint, uuid, float, custom, regular expression,
// string, path; within a kind the narrower one (a smaller range, fewer
// alternatives, a bounded length). After a path parameter more segments come
// before fewer. What is still equal is ordered by its text, so that the result is
// the same in every program. When a branch fails further down, the next one is
// tried: a path is refused only if no pattern matches.
//
// # Which split wins
//
// Where several parameters share a segment, each takes as much as it can, from
// the left, provided that the rest still matches: {name}.{ext} splits
// "a.tar.gz" into "a.tar" and "gz". If any split matches, the pattern matches,
// within this bound on the work:
//
// String and path parameters take time linear in the length of the segment. The
// work for others is bounded, too, by some tens of thousands of bytes tried plus
// a small multiple of the segment's length: a segment that would need more, which
// takes hundreds of failing candidates, does not match.
//
// # Limits
//
// A pattern has at most [MaxParams] parameters and one path parameter. Two
// parameters of a segment need literal text between them. A literal cannot
// contain a brace.
package radix
