module github.com/goquart/quart

go 1.26

require (
	github.com/fasthttp/router v1.5.4
	github.com/fasthttp/websocket v1.5.12
	github.com/go-json-experiment/json v1.27.2
	github.com/valyala/fasthttp v1.77.0
	github.com/valyala/quicktemplate v1.8.0
	golang.org/x/sys v0.49.0
)
