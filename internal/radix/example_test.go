package radix_test

import (
	"fmt"

	"github.com/goquart/quart/internal/radix"
)

func Example() {
	var tree radix.Tree[*radix.Pattern]
	for _, s := range []string{"/films/{id:int}", "/films/{slug}", "/films/new", "/wiki/{page:*}/edit"} {
		p, err := radix.Parse(s, nil)
		if err != nil {
			panic(err)
		}
		if _, err := tree.Add(p, p); err != nil {
			panic(err)
		}
	}

	var m radix.Match
	for _, s := range []string{"/films/new", "/films/995", "/films/metropolis", "/wiki/go/http/edit"} {
		path := []byte(s)
		p, ok := tree.Lookup(path, &m)
		fmt.Print(s, " ", ok, " ", p)
		for i := range m.N {
			fmt.Printf(" %s=%s", p.Params[i].Name, m.Value(path, i))
		}
		fmt.Println()
	}
	// Output:
	// /films/new true /films/new
	// /films/995 true /films/{id:int} id=995
	// /films/metropolis true /films/{slug} slug=metropolis
	// /wiki/go/http/edit true /wiki/{page:*}/edit page=go/http
}

func ExampleParse() {
	_, err := radix.Parse("/films/{id:itn}", nil)
	fmt.Println(err)
	// Output:
	// pattern "/films/{id:itn}" at offset 11: unknown converter "itn", did you mean "int"? (known: any, float, int, path, string, uint, uuid; the regular expression is written (itn))
}

func ExamplePattern_Missing() {
	p, _ := radix.Parse("/archive/{year:int?}/{month:int?}", nil)
	fmt.Println(p.Missing(0b00), p.Missing(0b01), p.Missing(0b11))
	fmt.Println("without a year:", p.Params[p.Missing(0b10)].Name)
	// Output:
	// -1 -1 -1
	// without a year: year
}
