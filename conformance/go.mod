module github.com/goquart/quart/conformance

go 1.26.0
