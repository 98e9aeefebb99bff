// Package rules compiles the struct tag rules, which has the validation vocabulary of JSON Schema 2020-12, to checks that allocate
// nothing:
//
//	Name  string   `rules:"required,maxLength=60"`
//	Stars int      `rules:"min=1,max=5"`
//	Tags  []string `rules:"maxItems=9,uniqueItems,items.pattern=^[a-z]+$"`
//
// # Rules
//
//	required                          the value must be there
//	min max exclusiveMin exclusiveMax numbers and durations: bounds, parsed as the field's own type
//	multipleOf                        numbers and durations: more than 0
//	minLength maxLength               strings: characters (Unicode code points); []byte and [n]byte: bytes;
//	                                  files (multipart.FileHeader): bytes, also as 64KiB, 5MiB, 1GiB
//	pattern                           strings: RE2, found anywhere unless anchored; it takes the rest of the tag
//	enum                              strings, numbers, durations, booleans, types with UnmarshalText: a|b|c
//	format                            strings: one of the list below
//	minItems maxItems                 slices and arrays
//	uniqueItems                       slices and arrays of what can be compared by content
//	minProperties maxProperties       maps
//
// A rule with the prefix "items." is for each element of a slice or array; "items.items.max" for those of its elements. Bytes are text,
// as in JSON: they have a length, but no items. Pointers are followed everywhere. An interface, whose type is known only at run time, can be
// required and no more.
//
// Numbers are written as in JSON, durations as in Go (1m30s). A bound is of the field's own type: 300 is none of an int8, and 1.5 none of an int.
// multipleOf is meant for decimals: 19.99 is a multiple of 0.01, and a float that a sum of decimals left off by its last bits passes too. NaN
// meets no rule of numbers.
//
// The values of enum are separated by |. Between them, \| is a |, \, a comma and \\ a backslash; in the quotes of a struct tag each
// backslash is doubled. An empty value is one: "enum=|asc|desc" admits "".
//
// # Formats
//
//	email          RFC 5321 Mailbox: an address alone, in ASCII, at most 254 bytes
//	uuid           RFC 9562, any version, either case
//	date           RFC 3339 full-date, a day that the calendar has
//	time           RFC 3339 full-time: with an offset
//	date-time      RFC 3339 date-time: T and an offset; second 60 only at the end of a month in UTC
//	duration       RFC 3339 appendix A (ISO 8601): P3Y6M4DT12H30M5S, P2W
//	uri            RFC 3986 URI: with a scheme
//	uri-reference  RFC 3986 URI-reference: a path alone will do
//	hostname       RFC 1123: no final dot, the last label is not a number
//	ipv4           four decimal numbers without leading zeros
//	ipv6           RFC 4291, without a zone
//	byte           RFC 4648 base64: padded, one line, no stray bits
//	json-pointer   RFC 6901
//
// # Hostile input
//
// Checks take a time that grows as their input does: patterns are RE2, and uniqueItems hashes with a seed that is random for each process.
package rules
