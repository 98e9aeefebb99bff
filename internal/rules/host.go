package rules

import "strings"

const (
	maxEmail = 254 // RFC 3696, erratum 1690: what a path of SMTP has room for
	maxLocal = 64  // RFC 5321, section 4.5.3.1.1
	maxHost  = 253 // RFC 1035, section 2.3.4: 255 octets on the wire
	maxLabel = 63
)

// isHostname is RFC 1123, section 2.1: letters, digits and inner hyphens in labels of up to 63, of which the last one is not a number, lest it be
// an address. Punycode is such a name, a final dot is none of it.
func isHostname(s string) bool {
	if len(s) > maxHost {
		return false
	}
	for {
		label, rest, more := strings.Cut(s, ".")
		if !isLabel(label) {
			return false
		}
		if !more {
			return digits(label) < len(label)
		}
		s = rest
	}
}

func isLabel(s string) bool {
	if s == "" || len(s) > maxLabel || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}

// isIPv4 is dotted-quad of RFC 2673, section 3.2, decimal without leading zeros, which some read as octal.
func isIPv4(s string) bool {
	for i := range 4 {
		n := digits(s)
		if n == 0 || n > 3 || n > 1 && s[0] == '0' || n == 3 && s[:3] > "255" {
			return false
		}
		s = s[n:]
		if i == 3 {
			break
		}
		if s == "" || s[0] != '.' {
			return false
		}
		s = s[1:]
	}
	return s == ""
}

// isIPv6 is RFC 4291, section 2.2, without a zone.
func isIPv6(s string) bool {
	groups, elided := 0, false
	if rest, ok := strings.CutPrefix(s, "::"); ok {
		if s = rest; s == "" {
			return true
		}
		elided = true
	}
	for {
		n := hexDigits(s)
		if n < len(s) && s[n] == '.' {
			return isIPv4(s) && enoughGroups(groups+2, elided)
		}
		if groups++; n == 0 || groups > 8 {
			return false
		}
		if s = s[n:]; s == "" {
			return enoughGroups(groups, elided)
		}
		if s[0] != ':' || s == ":" {
			return false
		}
		if s = s[1:]; s[0] != ':' {
			continue
		}
		if elided {
			return false
		}
		if elided, s = true, s[1:]; s == "" {
			return enoughGroups(groups, elided)
		}
	}
}

// enoughGroups: two colons stand for one group or more.
func enoughGroups(n int, elided bool) bool { return elided && n < 8 || !elided && n == 8 }

// hexDigits counts the hexadecimal digits that s begins with, up to 4.
func hexDigits(s string) int {
	n := 0
	for n < len(s) && n < 4 && isHex(s[n]) {
		n++
	}
	return n
}

// isEmail is Mailbox of RFC 5321, section 4.1.2: an address without a name beside it, in ASCII. The domain is a host name, or an IP address
// in brackets.
func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > maxLocal || len(s) > maxEmail {
		return false
	}
	local, domain := s[:at], s[at+1:]
	if !isDotString(local) && !isQuotedString(local) {
		return false
	}
	if inner, ok := strings.CutPrefix(domain, "["); ok {
		return isAddressLiteral(inner)
	}
	return isHostname(domain)
}

// isAddressLiteral gets what follows the opening bracket.
func isAddressLiteral(s string) bool {
	s, ok := strings.CutSuffix(s, "]")
	if !ok {
		return false
	}
	const tag = "IPv6:"
	if len(s) > len(tag) && strings.EqualFold(s[:len(tag)], tag) {
		return isIPv6(s[len(tag):])
	}
	return isIPv4(s)
}

func isDotString(s string) bool {
	last := byte('.')
	for i := range len(s) {
		if b := s[i]; b == '.' {
			if last == '.' {
				return false
			}
		} else if !isLetter(b) && !isDigit(b) && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", b) < 0 {
			return false
		}
		last = s[i]
	}
	return last != '.'
}

// isQuotedString wants a character between the quotes (RFC 5322, erratum 3135).
func isQuotedString(s string) bool {
	if len(s) < 3 || s[0] != '"' {
		return false
	}
	for i := 1; i < len(s); i++ {
		switch b := s[i]; {
		case b < ' ' || b > '~':
			return false
		case b == '"':
			return i == len(s)-1
		case b == '\\':
			if i++; i == len(s) || s[i] < ' ' || s[i] > '~' {
				return false
			}
		}
	}
	return false
}
