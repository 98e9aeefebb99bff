// Package archtest holds the rules of the repository as tests: which package
// may import which, what the modules may require, that every package is
// documented, and that the feature table names tests that exist.
//
// It has no code of its own. A rule that stands in the way is changed here, in
// the same commit as the code that needs it, and with a decision record when
// it is one of those in docs/adr.
package archtest
