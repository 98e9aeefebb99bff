package rules_test

import (
	"fmt"
	"reflect"

	"github.com/goquart/quart/internal/rules"
)

func Example() {
	c, err := rules.Compile("required,maxItems=3,uniqueItems,items.pattern=^[a-z]+$", reflect.TypeFor[[]string]())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, tags := range [][]string{{"go", "web"}, {"go", "go"}, {"go", "Web"}} {
		v := reflect.ValueOf(tags)
		fmt.Printf("%q %q\n", tags, c.Value(v))
		for i := range v.Len() {
			if detail := c.Items.Value(v.Index(i)); detail != "" {
				fmt.Printf("item %d %s\n", i, detail)
			}
		}
	}
	fmt.Println(c.Required)
	// Output:
	// ["go" "web"] ""
	// ["go" "go"] "must not repeat an item"
	// ["go" "Web"] ""
	// item 1 must match the pattern ^[a-z]+$
	// true
}

func ExampleCompile() {
	for _, tag := range []string{"min=5,max=3", "max=300", "maxLength=3", "min=1,minn=2"} {
		_, err := rules.Compile(tag, reflect.TypeFor[int8]())
		fmt.Println(err)
	}
	// Output:
	// rule min=5 and max=3 leave no value
	// rule max has the value 300, which does not fit an int8
	// rule maxLength does not fit an int8: it is for strings, bytes and files
	// byte 6: there is no rule "minn"
}

func ExampleParse() {
	list, err := rules.Parse(`required,enum=a|b\,c,items.pattern=^[a-z]{1,3}$`)
	fmt.Println(err)
	for _, r := range list {
		fmt.Printf("%s %q\n", r.Name, r.Value)
	}
	fmt.Printf("%q\n", rules.Enum(list[1].Value))
	// Output:
	// <nil>
	// required ""
	// enum "a|b\\,c"
	// items.pattern "^[a-z]{1,3}$"
	// ["a" "b,c"]
}
