package wire

// Byte classes, one bit each in class.
const (
	tchar      = 1 << iota // token characters (RFC 9110, 5.6.2)
	cookieChar             // cookie-octet (RFC 6265bis, 4.1.1)
	unreserved             // RFC 3986, 2.3
	pchar                  // RFC 3986, 3.3, without pct-encoded
	uriChar                // whatever may stand in a URI (RFC 3986, 2), without '%'
	regName                // a registered name or IPv4 address (RFC 3986, 3.2.2), without pct-encoded
	targetChar             // passes CheckTarget unseen: above SP, no DEL, '#' or '%'
	hexDigit
)

// perf: one table, 256 bytes, four cache lines; an index of type byte needs no
// bounds check (BenchmarkCheckHead).
var class = makeClass()

func makeClass() (t [256]uint8) {
	const (
		digits    = "0123456789"
		letters   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		subDelims = "!$&'()*+,;="
	)
	set := func(bit uint8, chars string) {
		for i := range len(chars) {
			t[chars[i]] |= bit
		}
	}
	set(tchar, digits+letters+"!#$%&'*+-.^_`|~")
	set(unreserved, digits+letters+"-._~")
	set(regName, digits+letters+"-._~"+subDelims)
	set(pchar, digits+letters+"-._~"+subDelims+":@")
	set(uriChar, digits+letters+"-._~"+subDelims+":/?#[]@")
	set(hexDigit, digits+"abcdefABCDEF")
	for c := range 256 {
		if c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\' {
			t[c] |= cookieChar
		}
		if c > 0x20 && c != 0x7f && c != '#' && c != '%' {
			t[c] |= targetChar
		}
	}
	return t
}

const upperHex = "0123456789ABCDEF"

// unhex returns the value of a hexadecimal digit.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// isEscape reports whether b begins with '%' and two hexadecimal digits.
func isEscape[T []byte | string](b T) bool {
	return len(b) >= 3 && b[0] == '%' && class[b[1]]&class[b[2]]&hexDigit != 0
}

func isToken[T []byte | string](b T) bool {
	for i := range len(b) {
		if class[b[i]]&tchar == 0 {
			return false
		}
	}
	return len(b) > 0
}

func lower(c byte) byte {
	if c-'A' < 26 {
		return c | 0x20
	}
	return c
}

// equalFold compares without regard to ASCII case.
func equalFold[A, B []byte | string](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// trim removes optional whitespace (RFC 9110, 5.6.3) from both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && isOWS(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isOWS(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isOWS(c byte) bool { return c == ' ' || c == '\t' }

// Words of eight bytes at a time: a test leaves the top bit of each byte that
// passed it.
const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// below finds bytes less than n, for n <= 0x80. The lowest hit is right, higher
// ones can be its borrow.
func below(x, n uint64) uint64 { return (x - ones*n) &^ x & tops }

// controls finds the bytes 0x00-0x1f and 0x7f. No hit means none; the lowest hit
// can also be '~' behind 0xff.
func controls(x uint64) uint64 { return ((x - ones*0x20) | (x + ones)) &^ x & tops }

// notTarget finds control bytes, spaces, '%' and '#'. No hit means none; the lowest
// hit is right.
func notTarget(x uint64) uint64 {
	percent, hash, del := x^ones*'%', x^ones*'#', x^ones*0x7f
	return below(x, 0x21) | below(percent, 1) | below(hash, 1) | below(del, 1)
}

// notPlain finds the bytes that are no letter, digit, '-' or '.': what is plain
// may stand in a token and in a host. No hit means none; the lowest hit is right.
func notPlain(x uint64) uint64 {
	folded := x | ones*0x20
	letter := (folded + ones*(0x80-'a')) &^ (folded + ones*(0x80-'z'-1))
	digit := (x + ones*(0x80-'-')) &^ (x + ones*(0x80-'9'-1)) // and '-', '.', '/'
	noSlash := (x ^ ones*'/') + ones*0x7f
	return (^(letter | digit&noSlash) | x) & tops
}
