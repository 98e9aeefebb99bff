package validator

import (
	"reflect"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
)

// words are the details of rules; %s stands for the rule's parameter.
var words = map[string]string{
	"required": "is required", "required_if": "is required", "required_unless": "is required", "required_with": "is required",
	"required_with_all": "is required", "required_without": "is required", "required_without_all": "is required",
	"excluded_if": "must be left out", "excluded_unless": "must be left out", "excluded_with": "must be left out", "excluded_with_all": "must be left out",
	"excluded_without": "must be left out", "excluded_without_all": "must be left out", "isdefault": "must be left out",

	"email": "must be an email address", "url": "must be a URL", "http_url": "must be a URL of http or https", "https_url": "must be a URL of https",
	"uri": "must be a URI", "hostname": "must be a host name", "hostname_rfc1123": "must be a host name", "fqdn": "must be a full domain name",
	"hostname_port": "must be a host name and a port", "port": "must be a port", "ip": "must be an IP address", "ipv4": "must be an IPv4 address",
	"ipv6": "must be an IPv6 address", "cidr": "must be an IP network", "cidrv4": "must be an IPv4 network", "cidrv6": "must be an IPv6 network",
	"mac": "must be a MAC address", "uuid": "must be a UUID", "uuid3": "must be a UUID of version 3", "uuid4": "must be a UUID of version 4",
	"uuid5": "must be a UUID of version 5", "uuid_rfc4122": "must be a UUID", "uuid3_rfc4122": "must be a UUID of version 3",
	"uuid4_rfc4122": "must be a UUID of version 4", "uuid5_rfc4122": "must be a UUID of version 5", "uuid7": "must be a UUID of version 7", "ulid": "must be a ULID",
	"e164": "must be a phone number such as +15551234567", "credit_card": "must be a credit card number", "isbn": "must be an ISBN",
	"iso4217": "must be a currency code", "iso3166_1_alpha2": "must be a country code of 2 letters", "iso3166_1_alpha3": "must be a country code of 3 letters",
	"bcp47_language_tag": "must be a language tag", "timezone": "must be a time zone", "semver": "must be a semantic version",
	"latitude": "must be a latitude", "longitude": "must be a longitude", "hexcolor": "must be a color such as #a1b2c3",

	"alpha": "must have letters only", "alphaunicode": "must have letters only", "alphanum": "must have letters and digits only",
	"alphanumunicode": "must have letters and digits only", "ascii": "must be ASCII", "printascii": "must be printable ASCII", "lowercase": "must be in lower case",
	"uppercase": "must be in upper case", "numeric": "must be a number", "number": "must have digits only", "boolean": "must be true or false",
	"hexadecimal": "must be hexadecimal", "base64": "must be base64", "base64url": "must be base64url", "json": "must be JSON", "jwt": "must be a JWT",
	"datetime": "must be a date or time such as %s", "unique": "must not repeat an item",

	"contains": "must contain %s", "containsany": "must contain one of the characters %s", "excludes": "must not contain %s",
	"excludesall": "must not contain any of the characters %s", "startswith": "must begin with %s", "endswith": "must end with %s",
	"startsnotwith": "must not begin with %s", "endsnotwith": "must not end with %s", "eq_ignore_case": "must be %s", "ne_ignore_case": "must not be %s",
}

// fieldWords are those of rules whose parameter is another field.
var fieldWords = map[string]string{
	"eqfield": "must be equal to %s", "nefield": "must not be equal to %s", "gtfield": "must be more than %s", "gtefield": "must be at least %s",
	"ltfield": "must be less than %s", "ltefield": "must be at most %s", "fieldcontains": "must contain %s", "fieldexcludes": "must not contain %s",
}

// detail says for a client what is wrong; owner is the struct that has the field, nil if it is not known.
func detail(fe validator.FieldError, owner reflect.Type) string {
	tag, param := fe.Tag(), fe.Param()
	if text, ok := words[tag]; ok {
		return strings.ReplaceAll(text, "%s", param)
	}
	if text, ok := fieldWords[tag]; ok {
		return strings.ReplaceAll(text, "%s", siblingName(owner, param))
	}
	switch tag {
	case "oneof", "oneofci":
		return "must be one of: " + strings.Join(choices(param), ", ")
	case "noneof", "noneofci":
		return "must be none of: " + strings.Join(choices(param), ", ")
	}
	if text := comparison(fe); text != "" {
		return text
	}
	if param != "" {
		tag += "=" + param
	}
	return "does not meet the rule " + tag
}

// siblingName is what the client calls the field of that Go name.
func siblingName(owner reflect.Type, goName string) string {
	if owner == nil {
		return goName
	}
	sf, ok := owner.FieldByName(goName)
	if !ok {
		return goName
	}
	return nameOf(sf)
}

// choices splits the parameter of oneof: at spaces, but for those in single quotes.
func choices(param string) []string {
	var out []string
	for param = strings.TrimSpace(param); param != ""; param = strings.TrimSpace(param) {
		var choice string
		if quoted, ok := strings.CutPrefix(param, "'"); ok && strings.Contains(quoted, "'") {
			choice, param, _ = strings.Cut(quoted, "'")
		} else {
			choice, param, _ = strings.Cut(param, " ")
		}
		out = append(out, choice)
	}
	return out
}

// bounds are the rules that compare with a number: a value, or how many it has.
var bounds = map[string]struct{ value, count string }{
	"min": {"must be at least ", "must have at least "}, "gte": {"must be at least ", "must have at least "},
	"max": {"must be at most ", "must have at most "}, "lte": {"must be at most ", "must have at most "},
	"gt": {"must be more than ", "must have more than "}, "lt": {"must be less than ", "must have fewer than "},
	"eq": {"must be ", "must have exactly "}, "len": {"must be ", "must have exactly "}, "ne": {"must not be ", "must not have "},
}

// comparison is the detail of a rule that compares, "" if it is none. What it compares depends on the type.
func comparison(fe validator.FieldError) string {
	b, ok := bounds[fe.Tag()]
	if !ok || fe.Type() == nil {
		return ""
	}
	t, param := indirectType(fe.Type()), fe.Param()
	if t.ConvertibleTo(timeType) && param == "" {
		return timeWords[fe.Tag()]
	}
	one, many := unit(t)
	literal := t.Kind() == reflect.String && (fe.Tag() == "eq" || fe.Tag() == "ne")
	switch {
	case many == "" || literal:
		return b.value + param
	case param == "1":
		return b.count + "1 " + one
	}
	return b.count + param + " " + many
}

// timeWords are those of rules that compare a time with now.
var timeWords = map[string]string{
	"gt": "must be in the future", "gte": "must be now or in the future", "min": "must be now or in the future",
	"lt": "must be in the past", "lte": "must be now or in the past", "max": "must be now or in the past",
}

// unit is what is counted in values of t; both are "" if the values themselves are compared.
func unit(t reflect.Type) (one, many string) {
	if t == reflect.TypeFor[time.Duration]() {
		return "", ""
	}
	switch t.Kind() {
	case reflect.String:
		return "character", "characters"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "byte", "bytes"
		}
		return "item", "items"
	case reflect.Map:
		return "property", "properties"
	}
	return "", ""
}
