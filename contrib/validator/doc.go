// Package validator checks the inputs of a quart app with [github.com/go-playground/validator/v10], for structs that have its tag already:
//
//	app := quart.New(quart.Config{Validator: validator.New(nil)})
//
//	type Signup struct {
//		Email    string `json:"email" validate:"required,email"`
//		Password string `json:"password" validate:"min=12"`
//		Again    string `json:"again" validate:"eqfield=Password"`
//	}
//
// All that fails is answered at once, by a 422 whose errors have the JSON pointer of each value ("/items/3/name"), or its location and name where
// it is no part of the body. It is called after the input's own rules and methods Validate, and not when those failed.
//
// New programs can do without: the tag rules of quart itself is checked without an allocation, and is in the OpenAPI document; this one is in
// none.
//
// # Names
//
// A field is called as in its tag json, or in the one that says where it comes from: path, query, header, cookie, form, file. A struct that is
// embedded, or has the option embed, has no name, as in JSON. Names come from the types, not from the validator: no
// RegisterTagNameFunc is needed, and one that is there is left alone.
package validator
