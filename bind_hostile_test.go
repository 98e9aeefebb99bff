package quart_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart"
)

const hostileJSON = "Content-Type: application/json"

// hostilePost decodes body into a T by a typed handler.
func hostilePost[T any](t *testing.T, body string) *answer {
	t.Helper()
	app, _ := newApp(quart.Config{BodyLimit: -1})
	quart.Post(app, "/", func(_ *quart.Ctx, in T) (string, error) { return fmt.Sprintf("%+v", in), nil })
	return serve(t, app).do("POST", "/", body, hostileJSON)
}

func hostileStatus(t *testing.T, what string, a *answer, want int) {
	t.Helper()
	if a.StatusCode != want {
		t.Errorf("%s: %d %s, want %d", what, a.StatusCode, a.body, want)
	}
}

// hMarshals has a form of its own on the way out only.
type hMarshals struct {
	Name string `json:"name" rules:"required,maxLength=3"`
	Role string `json:"role" default:"guest" rules:"enum=guest|user"`
}

func (m hMarshals) MarshalJSON() ([]byte, error) { return json.Marshal(m.Name) }

// hUnmarshals normalizes, by the idiom of a type without the method.
type hUnmarshals struct {
	Name string `json:"name" rules:"required,maxLength=3"`
}

func (m *hUnmarshals) UnmarshalJSON(b []byte) error {
	type plain hUnmarshals
	return json.Unmarshal(b, (*plain)(m))
}

func TestHostileMarshalerBypassesRules(t *testing.T) {
	hostileStatus(t, "In with MarshalJSON", hostilePost[hMarshals](t, `{"name":"too long","role":"admin"}`), 422)
	hostileStatus(t, "member with MarshalJSON", hostilePost[struct {
		User hMarshals `json:"user"`
	}](t, `{"user":{"name":"too long","role":"admin"}}`), 422)
}

func TestHostileUnmarshalerBypassesRules(t *testing.T) {
	if panicOf(func() {
		hostileStatus(t, "In with UnmarshalJSON", hostilePost[hUnmarshals](t, `{"name":"too long"}`), 422)
	}) != nil {
		return // refusing it at registration would do, too
	}
}

// ---- names ----

func TestHostileEmbedOption(t *testing.T) {
	type limits struct {
		N int `json:"n" rules:"required,min=1"`
	}
	type in struct {
		Limits limits `json:",embed"`
	}
	hostileStatus(t, "embed: below min", hostilePost[in](t, `{"n":0}`), 422)
	hostileStatus(t, "embed: missing", hostilePost[in](t, `{}`), 422)
	a := hostilePost[in](t, `{"n":5}`)
	hostileStatus(t, "embed: good", a, 200)
	wantFaults(t, hostilePost[in](t, `{"n":-5}`), "body /n must be at least 1")
}

func TestHostileEmbedFallback(t *testing.T) {
	type in struct {
		Extra map[string]address `json:",embed"`
	}
	if panicOf(func() { hostilePost[in](t, `{}`) }) != nil {
		return // it is refused at registration
	}
	hostileStatus(t, "fallback: required below", hostilePost[in](t, `{"a":{"zip":"12345"}}`), 422)
	hostileStatus(t, "fallback: pattern", hostilePost[in](t, `{"a":{"street":"s","zip":"1"}}`), 422)
	hostileStatus(t, "fallback: pattern, hidden by a member called Extra", hostilePost[in](t, `{"a":{"street":"s","zip":"1"},"Extra":{"street":"s"}}`), 422)
}

func TestHostileInlineOption(t *testing.T) {
	type limits struct {
		N int `json:"n" rules:"min=1"`
	}
	type in struct {
		Limits limits `json:",inline"`
	}
	// The codec knows no inline (it is called embed now): the member is called Limits.
	wantFaults(t, hostilePost[in](t, `{"Limits":{"n":0}}`), "body /Limits/n must be at least 1")
	wantFaults(t, hostilePost[in](t, `{"n":0}`))
}

func TestHostileNamedUnexportedEmbed(t *testing.T) {
	type audit struct {
		By string `json:"by" rules:"required,enum=web|app"`
	}
	type in struct {
		audit `json:"audit"`
	}
	hostileStatus(t, "named embedded struct", hostilePost[in](t, `{"audit":{"by":"tv"}}`), 422)
}

// HLeft and HRight are embedded side by side: the tagged name wins.
type (
	HLeft  struct{ Name string }
	HRight struct {
		Other string `json:"Name" rules:"maxLength=3"`
	}
)

func TestHostileDominance(t *testing.T) {
	type in struct {
		HLeft
		HRight
	}
	hostileStatus(t, "tagged name dominates", hostilePost[in](t, `{"Name":"too long"}`), 422)
}

// HOne and HTwo have the same name tagged: the codec takes neither.
type HOne struct {
	Role string `json:"role" rules:"required"`
}
type HTwo struct {
	Role string `json:"role"`
}

func TestHostileNoDominance(t *testing.T) {
	both := reflect.StructOf([]reflect.StructField{ // go vet refuses to see it written out
		{Name: "HOne", Type: reflect.TypeFor[HOne](), Anonymous: true},
		{Name: "HTwo", Type: reflect.TypeFor[HTwo](), Anonymous: true},
	})
	decode := binder(quart.New(quart.Config{}))
	if v := panicOf(func() { _ = decode([]byte(`{"role":"x"}`), reflect.New(both).Interface()) }); !strings.Contains(fmt.Sprint(v), "neither") {
		t.Errorf("required can be met by a member that no field takes: %v", v)
	}
}

func TestHostileCaseIgnore(t *testing.T) {
	type in struct {
		N    int    `json:"n,case:ignore" rules:"min=1"`
		List []item `json:"list,case:ignore"`
	}
	hostileStatus(t, "case:ignore, as named", hostilePost[in](t, `{"n":0}`), 422)
	hostileStatus(t, "case:ignore, zero", hostilePost[in](t, `{"N":0}`), 422)
	hostileStatus(t, "case:ignore, required below", hostilePost[in](t, `{"LIST":[{}]}`), 422)
	type req struct {
		N int `json:"n,case:ignore" rules:"required"`
	}
	hostileStatus(t, "case:ignore, required is there", hostilePost[req](t, `{"N":0}`), 200)
	hostilePost[in](t, "{\n \"n\":1,\"N\":0}").
		want(t, 400, `{"title":"Bad Request","status":400,"detail":"the body has a JSON object with a duplicate name at line 2, column 8"}`)
	hostilePost[[]in](t, `["x",{"n":1,"N":0}]`).
		want(t, 400, `{"title":"Bad Request","status":400,"detail":"the body has a JSON object with a duplicate name"}`)
}

func TestHostileLenientCodecZero(t *testing.T) {
	type in struct {
		N    int    `json:"n" rules:"min=1"`
		List []item `json:"list"`
	}
	app, _ := newApp(quart.Config{JSON: v1Codec{}})
	quart.Post(app, "/", func(_ *quart.Ctx, in in) (string, error) { return fmt.Sprint(in), nil })
	s := serve(t, app)
	hostileStatus(t, "v1, zero", s.do("POST", "/", `{"N":0}`, hostileJSON), 422)
	hostileStatus(t, "v1, null then zero", s.do("POST", "/", `{"n":null,"N":0}`, hostileJSON), 422)
	hostileStatus(t, "v1, required below", s.do("POST", "/", `{"LIST":[{}]}`, hostileJSON), 422)
}

func TestHostileNameWithEmoji(t *testing.T) {
	type in struct {
		A int `json:"😀,string"`
		B int `json:"b"`
	}
	wantFaults(t, hostilePost[in](t, `{"😀":"5","b":"x"}`), "body /b must be an integer")
}

// ---- maps ----

// hLower is a key that is not the text it came from.
type hLower string

func (l *hLower) UnmarshalText(b []byte) error { *l = hLower(strings.ToLower(string(b))); return nil }

func TestHostileMapKeys(t *testing.T) {
	type lower struct {
		M map[hLower]address `json:"m"`
	}
	hostileStatus(t, "keys that normalize", hostilePost[lower](t, `{"m":{"ABC":{"street":"s","zip":"1"}}}`), 422)
	hostileStatus(t, "keys that normalize, required", hostilePost[lower](t, `{"m":{"ABC":{}}}`), 422)
	type ints struct {
		M map[int]address `json:"m"`
	}
	wantFaults(t, hostilePost[ints](t, `{"m":{"1":{}}}`), "body /m/1/street is missing")
	wantFaults(t, hostilePost[ints](t, `{"m":{"1":{"zip":"x"}}}`), "body /m/1/zip must match the pattern ^[0-9]{5}$", "body /m/1/street is missing")
	type addrs struct {
		M map[netip.Addr]address `json:"m"`
	}
	wantFaults(t, hostilePost[addrs](t, `{"m":{"::1":{"street":"s","zip":"x"}}}`), "body /m/::1/zip must match the pattern ^[0-9]{5}$")
}

// hDay is shown by another text than JSON has for it.
type hDay int

func (hDay) String() string { return "Monday" }

func (d hDay) Validate() error { return errors.New("is no day") }

// TestHostileMapKeysOfOtherKinds: keys are what the codec makes of the names, and all faults are told as for strings.
func TestHostileMapKeysOfOtherKinds(t *testing.T) {
	type n struct {
		N int `json:"n" rules:"required,min=0"`
	}
	const good, wrong = `{"5":{"n":0}}`, `{"5":{"n":0},"x":{"n":0},"7":{"n":"s"},"9":{}}`
	below := []string{"body /7/n must be an integer", "body /9/n is missing"}
	for _, tc := range []struct {
		x    string // what is wrong with that name
		post func(body string) *answer
	}{
		{"body /x must be an integer", func(body string) *answer { return hostilePost[map[int]n](t, body) }},
		{"body /x must be an integer, not negative", func(body string) *answer { return hostilePost[map[uint8]n](t, body) }},
		{"body /x must be an integer", func(body string) *answer { return hostilePost[map[hDay]n](t, body) }},
		{"body /x must be a number", func(body string) *answer { return hostilePost[map[float64]n](t, body) }},
		{"body /x must be an integer", func(body string) *answer { return hostilePost[map[time.Duration]n](t, body) }},
		{"", func(body string) *answer { return hostilePost[map[any]n](t, body) }},
	} {
		wantFaults(t, tc.post(good))
		want := below
		if tc.x != "" {
			want = append([]string{tc.x}, below...)
		}
		wantFaults(t, tc.post(wrong), want...)
	}
	wantFaults(t, hostilePost[map[time.Duration]hDay](t, `{"5":1}`), "body /5 is no day")
	wantFaults(t, hostilePost[map[hDay]hDay](t, `{"1":1}`), "body /1 is no day")
	hostileRefused[map[*int]n](t)
}

func TestHostileMapOfIntsNull(t *testing.T) {
	type in struct {
		L []map[int]address `json:"l"`
	}
	hostileStatus(t, "null in a list", hostilePost[in](t, `{"l":[null]}`), 200)
	hostileStatus(t, "null as the body", hostilePost[map[int]address](t, `null`), 200)
	type m struct {
		M map[int]address `json:"m"`
	}
	wantFaults(t, hostilePost[m](t, `{"m":5}`), "body /m must be an object")
}

// ---- status ----

func TestHostileTextStructGetsObject(t *testing.T) {
	type in struct {
		IP netip.Addr `json:"ip"`
	}
	hostileStatus(t, "netip.Addr from an object", hostilePost[in](t, `{"ip":{}}`), 422)
	hostileStatus(t, "netip.Addr from a number", hostilePost[in](t, `{"ip":1}`), 422)
	hostileStatus(t, "netip.Prefix in a list", hostilePost[[]netip.Prefix](t, `[{}]`), 422)
	hostileStatus(t, "big.Float", hostilePost[struct {
		F *big.Float `json:"f"`
	}](t, `{"f":{}}`), 422)
}

func TestHostileRequiredBody(t *testing.T) {
	hostileStatus(t, "null for a required list", hostilePost[struct {
		Body []int `body:"" rules:"required"`
	}](t, `null`), 422)
	hostileStatus(t, "null for a required map", hostilePost[struct {
		Body map[string]int `body:"" rules:"required"`
	}](t, `null`), 422)
}

// ---- panics ----

// HAudit is embedded by pointer, and its Validate is promoted.
type HAudit struct {
	By string `json:"by"`
}

func (a HAudit) Validate() error {
	if a.By == "x" {
		return errors.New("bad")
	}
	return nil
}

func TestHostilePromotedValidate(t *testing.T) {
	type in struct {
		*HAudit
		Name string `json:"name"`
	}
	hostileStatus(t, "embedded nil pointer with Validate", hostilePost[in](t, `{"name":"a"}`), 200)
	hostileStatus(t, "embedded nil pointer with Validate, in a list", hostilePost[[]in](t, `[{"name":"a"}]`), 200)
}

// HEven and HOdd embed each other.
type (
	HEven struct {
		*HOdd
		X int `json:"x" rules:"max=2"`
	}
	HOdd struct {
		*HEven
		Y int `json:"y" rules:"max=1"`
	}
)

func TestHostileEmbedEachOther(t *testing.T) {
	wantFaults(t, hostilePost[HEven](t, `{"x":3,"y":3}`), "body /x must be at most 2", "body /y must be at most 1")
	wantFaults(t, hostilePost[[]HOdd](t, `[{"x":2},{"y":1}]`))
	type body struct {
		ID    int   `query:"id"`
		Inner HEven `body:""`
	}
	hostileStatus(t, "as the body field", hostilePost[body](t, `{"x":2}`), 200)
}

// ---- sharing ----

func TestHostileSharedDefault(t *testing.T) {
	type in struct {
		Amount big.Int `json:"amount" default:"12345"`
	}
	app, _ := newApp(quart.Config{})
	quart.Post(app, "/", func(_ *quart.Ctx, in in) (string, error) {
		was := in.Amount.String()
		in.Amount.Sub(&in.Amount, big.NewInt(1))
		return was, nil
	})
	s := serve(t, app)
	for range 3 {
		if a := s.do("POST", "/", `{}`, hostileJSON); a.body != "12345" {
			t.Errorf("the default is now %s", a.body)
		}
	}
}

func TestHostileDefaultMemory(t *testing.T) {
	type in struct {
		Kind []string `json:"kind" default:"a"`
	}
	app := quart.New(quart.Config{BodyLimit: -1})
	decode := binder(app)
	body := []byte("[" + strings.Repeat("{},", 100_000) + "{}]")
	var v []in
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if err := decode(body, &v); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	runtime.GC()
	runtime.ReadMemStats(&after)
	live := after.HeapAlloc - before.HeapAlloc
	runtime.KeepAlive(v)
	if allocated > 100<<20 || live > 40<<20 {
		t.Errorf("a body of %d KiB: %d MiB allocated, %d MiB live", len(body)>>10, allocated>>20, live>>20)
	}
}

// ---- explain ----

func TestHostileExplainFalseFaults(t *testing.T) {
	type node struct {
		Next *node  `json:"next"`
		Fill string `json:"fill"`
		Bad  int    `json:"bad"`
		N    int    `json:"n" rules:"min=1"`
	}
	body := strings.Repeat(`{"next":`, 30) + `{"bad":"x","n":1,"fill":"` + strings.Repeat("x", 500_000) + `"}` + strings.Repeat(`,"n":5}`, 30)
	a := hostilePost[node](t, body)
	for _, f := range faults(t, a) {
		if strings.HasSuffix(f, "/n must be at least 1") {
			t.Errorf("false: %s", f)
		}
	}
}

func TestHostileLocationOfValidate(t *testing.T) {
	app, _ := newApp(quart.Config{})
	quart.Post(app, "/", func(*quart.Ctx, money) (string, error) { return "", nil })
	wantFaults(t, serve(t, app).do("POST", "/", `{"cents":14}`, hostileJSON), "body /cents is unlucky, too")
}

// TestHostileCompileRace compiles recursive types at once.
func TestHostileCompileRace(t *testing.T) {
	type tree struct {
		Kids []*tree           `json:"kids"`
		By   map[string]*tree  `json:"by"`
		N    int               `json:"n" default:"3" rules:"max=9"`
		P    map[int]*purchase `json:"p"`
	}
	app := quart.New(quart.Config{})
	decode := binder(app)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var v tree
			if err := decode([]byte(`{"kids":[{"n":5},{}],"by":{"a":{}}}`), &v); err != nil || v.Kids[1].N != 3 {
				t.Errorf("%v %+v", err, v)
			}
			var l []tree
			_ = decode([]byte(`[{"kids":[{"n":50},{}],"by":{"a":{}}}]`), &l)
		})
	}
	wg.Wait()
}
