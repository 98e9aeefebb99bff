// Package wire encodes and parses the pieces of HTTP messages: request heads,
// content negotiation, cookies, proxies' fields, credentials, validators and
// ranges, percent-encoding, query strings, server-sent events, JSON and HTML
// text.
//
// Its functions are pure. They do no I/O, start nothing, keep nothing, and
// allocate nothing unless their comment says so: an encoder appends to the
// caller's dst, a parser returns sub-slices of its input, valid as long as the
// input is. No input makes them panic.
//
// A parser takes the value of one field. A field that came several times is
// joined with ", " by the caller (RFC 9110, 5.2). Absence is the caller's case
// as well: an empty value is not the same as none.
package wire
