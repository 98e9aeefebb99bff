package validator_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	playground "github.com/go-playground/validator/v10"
	"github.com/goquart/quart"
	"github.com/goquart/quart/contrib/validator"
)

type (
	Item struct {
		Name string         `json:"name" validate:"required,min=2"`
		Tags map[string]Tag `json:"a/b~c" validate:"dive"`
	}
	Tag    struct{ Text string }
	Signed struct {
		By string `json:"by" validate:"required"`
	}
	order struct {
		Signed
		*Shipping
		Email  string         `json:"email,omitempty" validate:"required,email"`
		Again  string         `json:"again" validate:"eqfield=Email"`
		Items  []*Item        `json:"items" validate:"dive"`
		Grid   [2][2]Cell     `json:"grid" validate:"dive,dive"`
		Any    any            `json:"any"`
		Plain  int            `validate:"max=5"`
		Dash   int            `json:"'-'" validate:"max=5"`
		Hidden int            `json:"-" validate:"max=5"`
		Quoted int            `json:"'a,b',omitempty" validate:"max=5"`
		More   Extra          `json:",embed"`
		Old    Extra2         `json:",inline"`
		Ptr    **Item         `json:"ptr"`
		Keyed  map[string]int `json:"keyed" validate:"dive,keys,alpha,endkeys,max=5"`
	}
	Cell     struct{ N int }
	Shipping struct {
		City string `json:"city" validate:"required"`
	}
	Extra       struct{ E int }
	Extra2      struct{ F int }
	page[T any] struct {
		Rows []T `json:"rows" validate:"required,dive"`
	}
)

// newValidate gives the types that have no tag their rules.
func newValidate() *playground.Validate {
	v := playground.New(playground.WithRequiredStructEnabled())
	v.RegisterStructValidationMapRules(map[string]string{"Text": "required"}, Tag{})
	v.RegisterStructValidationMapRules(map[string]string{"N": "max=5"}, Cell{})
	v.RegisterStructValidationMapRules(map[string]string{"E": "max=5"}, Extra{})
	v.RegisterStructValidationMapRules(map[string]string{"F": "max=5"}, Extra2{})
	return v
}

// good is an order that passes.
func good() *order {
	item := &Item{Name: "ab"}
	return &order{
		Signed: Signed{By: "me"}, Shipping: &Shipping{City: "Ulm"}, Email: "a@example.com", Again: "a@example.com",
		Items: []*Item{{Name: "ab"}, {Name: "cd"}}, Any: Item{Name: "xy"}, Ptr: &item,
	}
}

// texts are the faults in an error of New's function, each as "location pointer: detail".
func texts(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var e *quart.HTTPError
	if !errors.As(err, &e) || e.Status != 422 {
		t.Fatalf("%v: not a 422", err)
	}
	var out []string
	for _, f := range e.Fields {
		out = append(out, strings.TrimSpace(f.Location+" "+f.Pointer+": "+f.Detail))
	}
	return out
}

// TestBody: where values are in a JSON body.
func TestBody(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(o *order)
		want  []string
	}{
		{"nothing wrong", func(*order) {}, nil},
		{"plain", func(o *order) { o.Plain = 6 }, []string{"/Plain: must be at most 5"}},
		{"renamed", func(o *order) { o.Email = "a"; o.Again = "a" }, []string{"/email: must be an email address"}},
		{"another field", func(o *order) { o.Again = "b" }, []string{"/again: must be equal to email"}},
		{"embedded", func(o *order) { o.By = "" }, []string{"/by: is required"}},
		{"embedded pointer", func(o *order) { o.City = "" }, []string{"/city: is required"}},
		{"embedded pointer that is nil", func(o *order) { o.Shipping = nil }, nil},
		{"element", func(o *order) { o.Items[1].Name = "x" }, []string{"/items/1/name: must have at least 2 characters"}},
		{"nil element", func(o *order) { o.Items[1] = nil }, nil},
		{"key with dots and brackets", func(o *order) { o.Items[0].Tags = map[string]Tag{"a": {"x"}, "a].b[0]/~": {}} }, []string{"/items/0/a~1b~0c/a].b[0]~1~0/Text: is required"}},
		{"lists of lists", func(o *order) { o.Grid[1][0].N = 6 }, []string{"/grid/1/0/N: must be at most 5"}},
		{"interface", func(o *order) { o.Any = &Item{Name: "x"} }, []string{"/any/name: must have at least 2 characters"}},
		{"name -", func(o *order) { o.Dash = 6 }, []string{"/-: must be at most 5"}},
		{"not in JSON", func(o *order) { o.Hidden = 6 }, []string{"/Hidden: must be at most 5"}},
		{"quoted name", func(o *order) { o.Quoted = 6 }, []string{"/a,b: must be at most 5"}},
		{"option embed", func(o *order) { o.More.E = 6 }, []string{"/E: must be at most 5"}},
		{"option inline", func(o *order) { o.Old.F = 6 }, []string{"/Old/F: must be at most 5"}}, // which the codec does not know
		{"pointers", func(o *order) { (*o.Ptr).Name = "x" }, []string{"/ptr/name: must have at least 2 characters"}},
		{"value of a map", func(o *order) { o.Keyed = map[string]int{"a": 6} }, []string{"/keyed/a: must be at most 5"}},
		{"key of a map", func(o *order) { o.Keyed = map[string]int{"1": 1} }, []string{"/keyed/1: must have letters only"}},
		{"several", func(o *order) { o.Email, o.Again, o.Plain = "", "", 7 }, []string{"/email: is required", "/Plain: must be at most 5"}},
	}
	check := validator.New(newValidate())
	for _, tt := range tests {
		o := good()
		tt.spoil(o)
		want := fmt.Sprintf("%q", tt.want)
		for _, in := range []any{o, *o, &o} {
			if got := fmt.Sprintf("%q", texts(t, check(in))); got != want {
				t.Errorf("%s, %T: %s, want %s", tt.name, in, got, want)
			}
		}
	}
}

// TestKinds: what is looked into, and what passes.
func TestKinds(t *testing.T) {
	bad, fine := Item{}, Item{Name: "ab"}
	var none *Item
	type local = struct {
		A int `json:"a" validate:"max=1"`
	}
	tests := []struct {
		in   any
		want []string
	}{
		{nil, nil},
		{none, nil},
		{&none, nil},
		{5, nil},
		{"text", nil},
		{[]byte("text"), nil},
		{new([]int), nil},
		{map[string]int{"a": 1}, nil},
		{time.Time{}, nil},
		{[]time.Time{{}}, nil},
		{struct{}{}, nil},
		{fine, nil},
		{bad, []string{"/name: is required"}},
		{[]Item{fine, bad}, []string{"/1/name: is required"}},
		{&[]Item{bad}, []string{"/0/name: is required"}},
		{[]*Item{nil, &bad}, []string{"/1/name: is required"}},
		{[2]Item{fine, bad}, []string{"/1/name: is required"}},
		{[][]Item{{fine}, {fine, bad}}, []string{"/1/1/name: is required"}},
		{[]any{1, "a", nil, bad, []any{&bad}}, []string{"/3/name: is required", "/4/0/name: is required"}},
		{map[string]Item{"z": bad, "a/b": bad, "ok": fine}, []string{"/a~1b/name: is required", "/z/name: is required"}},
		{map[int][]Item{7: {bad}}, []string{"/7/0/name: is required"}},
		{page[Item]{Rows: []Item{fine, bad}}, []string{"/rows/1/name: is required"}},
		{[]page[Item]{{Rows: []Item{bad}}, {}}, []string{"/0/rows/0/name: is required", "/1/rows: is required"}},
		{local{A: 2}, []string{"/a: must be at most 1"}},
	}
	check := validator.New(nil)
	for _, tt := range tests {
		if got, want := fmt.Sprintf("%q", texts(t, check(tt.in))), fmt.Sprintf("%q", tt.want); got != want {
			t.Errorf("%T %v: %s, want %s", tt.in, tt.in, got, want)
		}
	}
}

// TestLimit: 100 faults are enough.
func TestLimit(t *testing.T) {
	check := validator.New(nil)
	for _, in := range []any{make([]Item, 5000), page[Item]{Rows: make([]Item, 5000)}} {
		if got := len(texts(t, check(in))); got != 100 {
			t.Errorf("%T: %d faults, want 100", in, got)
		}
	}
}

// TestOwnFunctions: what programs register works, and is left alone.
func TestOwnFunctions(t *testing.T) {
	v := newValidate()
	if err := v.RegisterValidation("even", func(fl playground.FieldLevel) bool { return fl.Field().Int()%2 == 0 }); err != nil {
		t.Fatal(err)
	}
	v.RegisterAlias("tiny", "max=3")
	v.RegisterTagNameFunc(func(sf reflect.StructField) string { return "x." + sf.Name })
	v.RegisterCustomTypeFunc(func(v reflect.Value) any {
		text, _ := v.Interface().(driver.Valuer).Value()
		return text
	}, sql.NullString{})
	v.RegisterStructValidation(func(sl playground.StructLevel) {
		if sl.Current().Interface().(Cell).N == 5 {
			sl.ReportError(nil, "sum", "Sum.Of[2].All", "eqfield", "Total")
		}
		if sl.Current().Interface().(Cell).N == 4 {
			sl.ReportError(nil, "whole", "Whole", "unlucky", "4")
		}
	}, Cell{})
	type in struct {
		Even  int            `json:"even" validate:"even"`
		Tiny  string         `json:"tiny" validate:"tiny"`
		Color string         `json:"color" validate:"omitempty,iscolor"`
		Null  sql.NullString `json:"null" validate:"required"`
		Cells []Cell         `json:"cells" validate:"dive"`
	}
	check := validator.New(v)
	got := texts(t, check(in{Even: 3, Tiny: "long", Color: "x", Cells: []Cell{{3}, {4}, {5}}}))
	want := []string{
		"/even: does not meet the rule even", "/tiny: does not meet the rule tiny=3", "/color: does not meet the rule iscolor", "/null: is required",
		"/cells/1/Whole: does not meet the rule unlucky=4",
		"/cells/2/Sum/Of/2/All: must be equal to Total",
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestDetails(t *testing.T) {
	future, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	long := strings.Repeat("x", 9)
	tests := []struct {
		rule string
		v    any
		want string
	}{
		{"required", 0, "is required"},
		{"required", "", "is required"},
		{"isdefault", 1, "must be left out"},
		{"min=3", 2, "must be at least 3"},
		{"min=3", "ab", "must have at least 3 characters"},
		{"min=1", "", "must have at least 1 character"},
		{"min=3", []int{1}, "must have at least 3 items"},
		{"min=2", []byte("a"), "must have at least 2 bytes"},
		{"min=2", map[string]int{"a": 1}, "must have at least 2 properties"},
		{"max=1", map[string]int{"a": 1, "b": 2}, "must have at most 1 property"},
		{"min=1m", time.Second, "must be at least 1m"},
		{"max=3", 3.5, "must be at most 3"},
		{"max=3", &long, "must have at most 3 characters"},
		{"gte=3", uint8(1), "must be at least 3"},
		{"lte=3", "abcd", "must have at most 3 characters"},
		{"gt=3", 3, "must be more than 3"},
		{"gt=1", []int{1}, "must have more than 1 item"},
		{"lt=3", 3, "must be less than 3"},
		{"lt=2", []int{1, 2}, "must have fewer than 2 items"},
		{"len=3", "ab", "must have exactly 3 characters"},
		{"len=3", 2, "must be 3"},
		{"eq=3", 2, "must be 3"},
		{"eq=abc", "ab", "must be abc"},
		{"eq=true", false, "must be true"},
		{"eq=2", []int{1}, "must have exactly 2 items"},
		{"ne=3", 3, "must not be 3"},
		{"ne=ab", "ab", "must not be ab"},
		{"ne=1", []int{1}, "must not have 1 item"},
		{"gt", past, "must be in the future"},
		{"lte", future, "must be now or in the past"},
		{"email", "a", "must be an email address"},
		{"url", "a", "must be a URL"},
		{"uuid", "a", "must be a UUID"},
		{"oneof=red green", "blue", "must be one of: red, green"},
		{"oneof='dark red' green  'x", "blue", "must be one of: dark red, green, 'x"},
		{"oneof=1 2", 3, "must be one of: 1, 2"},
		{"noneof=a b", "a", "must be none of: a, b"},
		{"alphanum", "-", "must have letters and digits only"},
		{"contains=a%b", "x", "must contain a%b"},
		{"startswith=a", "x", "must begin with a"},
		{"datetime=2006-01-02", "x", "must be a date or time such as 2006-01-02"},
		{"unique", []int{1, 1}, "must not repeat an item"},
		{"hexcolor|rgb", "x", "does not meet the rule hexcolor|rgb"},
		{"luhn_checksum", "1", "does not meet the rule luhn_checksum"},
		{"file", "/nowhere/at/all", "does not meet the rule file"},
	}
	check := validator.New(nil)
	for _, tt := range tests {
		typ := reflect.StructOf([]reflect.StructField{{Name: "V", Type: reflect.TypeOf(tt.v), Tag: reflect.StructTag(fmt.Sprintf(`json:"v" validate:%q`, tt.rule))}})
		in := reflect.New(typ)
		in.Elem().Field(0).Set(reflect.ValueOf(tt.v))
		if got, want := fmt.Sprint(texts(t, check(in.Interface()))), "[/v: "+tt.want+"]"; got != want {
			t.Errorf("%s of %T: %s, want %s", tt.rule, tt.v, got, want)
		}
	}
}

// TestFieldDetails: rules that compare with another field say what the client calls it.
func TestFieldDetails(t *testing.T) {
	type in struct {
		From  int    `query:"from"`
		To    int    `query:"to" validate:"gtfield=From"`
		Name  string `header:"X-Name"`
		Other string `header:"X-Other" validate:"nefield=Name"`
	}
	got := texts(t, validator.New(nil)(in{From: 3, To: 2, Name: "a", Other: "a"}))
	want := []string{"query to: must be more than from", "header X-Other: must not be equal to X-Name"}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%q, want %q", got, want)
	}
}
