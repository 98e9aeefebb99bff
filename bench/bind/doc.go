// Package bind measures a typed handler that decodes, validates and echoes a small JSON body, beside raw fasthttp with
// encoding/json: go test -run '^$' -bench . ./bench/bind
package bind
