package bind

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	fastjson "github.com/goccy/go-json"
	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// person is the body and its answer.
type person struct {
	Name string   `json:"name"`
	Age  int      `json:"age" rules:"exclusiveMin=0"`
	Tags []string `json:"tags"`
}

const body = `{"name":"Ada","age":36,"tags":["a","b"]}`

// fastCodec plugs goccy/go-json into Config.JSON.
type fastCodec struct{}

func (fastCodec) Append(dst []byte, v any) ([]byte, error) {
	b, err := fastjson.Marshal(v)
	return append(dst, b...), err
}

func (fastCodec) Decode(data []byte, v any) error { return fastjson.Unmarshal(data, v) }

// raw is what a user of fasthttp would write.
func raw(ctx *fasthttp.RequestCtx) {
	if string(ctx.Request.Header.ContentType()) != "application/json" {
		ctx.SetStatusCode(415)
		return
	}
	var in person
	if err := json.Unmarshal(ctx.PostBody(), &in); err != nil {
		ctx.SetStatusCode(400)
		return
	}
	if in.Age <= 0 {
		ctx.SetStatusCode(422)
		return
	}
	out, err := json.Marshal(&in)
	if err != nil {
		ctx.SetStatusCode(500)
		return
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(out)
}

func app(cfg quart.Config) fasthttp.RequestHandler {
	a := quart.New(cfg)
	quart.Post(a, "/bind", func(_ *quart.Ctx, in person) (person, error) { return in, nil })
	return a.Handler()
}

var handlers = []struct {
	name   string
	handle fasthttp.RequestHandler
}{
	{"fasthttp+encoding/json", raw},
	{"quart", app(quart.Config{})},
	{"quart+goccy", app(quart.Config{JSON: fastCodec{}})},
}

// deadlines is a connection of which only the deadline for reading a body is used.
type deadlines struct{ net.Conn }

func (deadlines) SetReadDeadline(time.Time) error { return nil }

// poster posts the body as a server does: quart's server streams it, the other one has read it.
type poster struct {
	fc     *fasthttp.RequestCtx
	stream strings.Reader
}

func newPoster() *poster {
	p := &poster{fc: new(fasthttp.RequestCtx)}
	p.fc.Init2(deadlines{}, nil, true)
	p.fc.Request.Header.SetMethod("POST")
	p.fc.Request.SetRequestURI("/bind")
	p.fc.Request.Header.SetContentType("application/json")
	p.fc.Request.Header.SetContentLength(len(body))
	return p
}

func (p *poster) post(handle fasthttp.RequestHandler, streamed bool) {
	if streamed {
		p.stream.Reset(body)
		p.fc.Request.SetBodyStream(&p.stream, len(body))
	} else {
		p.fc.Request.SetBodyString(body)
	}
	p.fc.Response.Reset()
	handle(p.fc)
}

func TestAnswers(t *testing.T) {
	for _, h := range handlers {
		p := newPoster()
		p.post(h.handle, h.name != handlers[0].name)
		if got := string(p.fc.Response.Body()); p.fc.Response.StatusCode() != 200 || got != body {
			t.Errorf("%s: %d %s", h.name, p.fc.Response.StatusCode(), got)
		}
	}
}

func BenchmarkBind(b *testing.B) {
	for _, h := range handlers {
		b.Run(h.name, func(b *testing.B) {
			p := newPoster()
			streamed := h.name != handlers[0].name
			b.ReportAllocs()
			for b.Loop() {
				p.post(h.handle, streamed)
			}
		})
	}
}
