package rules

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// format is a form that texts can have.
type format struct {
	is     func(s string) bool
	detail string
}

var formats = map[string]format{
	"byte":          {isBase64, "must be base64"},
	"date":          {isDate, "must be a date such as 2006-01-02"},
	"date-time":     {isDateTime, "must be a date and time such as 2006-01-02T15:04:05Z"},
	"duration":      {isDuration, "must be a duration such as P3DT12H"},
	"email":         {isEmail, "must be an email address"},
	"hostname":      {isHostname, "must be a host name"},
	"ipv4":          {isIPv4, "must be an IPv4 address"},
	"ipv6":          {isIPv6, "must be an IPv6 address"},
	"json-pointer":  {isJSONPointer, "must be a JSON pointer"},
	"time":          {isTime, "must be a time such as 15:04:05Z"},
	"uri":           {isURI, "must be a URI such as https://example.com/"},
	"uri-reference": {isURIReference, "must be a URI or a relative reference"},
	"uuid":          {isUUID, "must be a UUID"},
}

func formatTest(r Rule, t reflect.Type) (test, error) {
	if t.Kind() != reflect.String {
		return nil, errNotFor(t, "strings")
	}
	f, ok := formats[r.Value]
	if !ok {
		return nil, fmt.Errorf("has the value %s, which is none of: %s", r.Value, strings.Join(slices.Sorted(maps.Keys(formats)), ", "))
	}
	return when(f.detail, func(v reflect.Value) bool { return f.is(v.String()) }), nil
}

// isUUID is RFC 9562, section 4: any version, in either case.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if !isHex(s[i]) {
			return false
		}
	}
	return true
}

// isBase64 is RFC 4648, section 4: with padding, without line breaks, and no bit that is set beyond the data (3.5).
func isBase64(s string) bool {
	if len(s)%4 != 0 {
		return false
	}
	data := strings.TrimSuffix(strings.TrimSuffix(s, "="), "=")
	for i := range len(data) {
		if sextet(data[i]) < 0 {
			return false
		}
	}
	switch len(s) - len(data) {
	case 1:
		return sextet(data[len(data)-1])&3 == 0
	case 2:
		return sextet(data[len(data)-1])&15 == 0
	}
	return true
}

// sextet is the value of a base64 digit, -1 for another byte.
func sextet(b byte) int {
	switch {
	case b >= 'A' && b <= 'Z':
		return int(b - 'A')
	case b >= 'a' && b <= 'z':
		return int(b-'a') + 26
	case isDigit(b):
		return int(b-'0') + 52
	case b == '+':
		return 62
	case b == '/':
		return 63
	}
	return -1
}

// isJSONPointer is RFC 6901, section 3.
func isJSONPointer(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != '/' {
		return false
	}
	for i := range len(s) {
		if s[i] == '~' && (i+1 == len(s) || s[i+1] != '0' && s[i+1] != '1') {
			return false
		}
	}
	return utf8.ValidString(s)
}

func isHex(b byte) bool {
	return isDigit(b) || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}

func isLetter(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
