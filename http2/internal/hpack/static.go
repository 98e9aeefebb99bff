package hpack

import "bytes"

// A staticField is an entry of the static table. Nobody may write to it.
type staticField struct{ name, value []byte }

// staticTable is RFC 7541, appendix A. Index 0 is no field. Fields with the same name follow each other.
var staticTable = [...]staticField{
	{},
	1:  {[]byte(":authority"), nil},
	2:  {[]byte(":method"), []byte("GET")},
	3:  {[]byte(":method"), []byte("POST")},
	4:  {[]byte(":path"), []byte("/")},
	5:  {[]byte(":path"), []byte("/index.html")},
	6:  {[]byte(":scheme"), []byte("http")},
	7:  {[]byte(":scheme"), []byte("https")},
	8:  {[]byte(":status"), []byte("200")},
	9:  {[]byte(":status"), []byte("204")},
	10: {[]byte(":status"), []byte("206")},
	11: {[]byte(":status"), []byte("304")},
	12: {[]byte(":status"), []byte("400")},
	13: {[]byte(":status"), []byte("404")},
	14: {[]byte(":status"), []byte("500")},
	15: {[]byte("accept-charset"), nil},
	16: {[]byte("accept-encoding"), []byte("gzip, deflate")},
	17: {[]byte("accept-language"), nil},
	18: {[]byte("accept-ranges"), nil},
	19: {[]byte("accept"), nil},
	20: {[]byte("access-control-allow-origin"), nil},
	21: {[]byte("age"), nil},
	22: {[]byte("allow"), nil},
	23: {[]byte("authorization"), nil},
	24: {[]byte("cache-control"), nil},
	25: {[]byte("content-disposition"), nil},
	26: {[]byte("content-encoding"), nil},
	27: {[]byte("content-language"), nil},
	28: {[]byte("content-length"), nil},
	29: {[]byte("content-location"), nil},
	30: {[]byte("content-range"), nil},
	31: {[]byte("content-type"), nil},
	32: {[]byte("cookie"), nil},
	33: {[]byte("date"), nil},
	34: {[]byte("etag"), nil},
	35: {[]byte("expect"), nil},
	36: {[]byte("expires"), nil},
	37: {[]byte("from"), nil},
	38: {[]byte("host"), nil},
	39: {[]byte("if-match"), nil},
	40: {[]byte("if-modified-since"), nil},
	41: {[]byte("if-none-match"), nil},
	42: {[]byte("if-range"), nil},
	43: {[]byte("if-unmodified-since"), nil},
	44: {[]byte("last-modified"), nil},
	45: {[]byte("link"), nil},
	46: {[]byte("location"), nil},
	47: {[]byte("max-forwards"), nil},
	48: {[]byte("proxy-authenticate"), nil},
	49: {[]byte("proxy-authorization"), nil},
	50: {[]byte("range"), nil},
	51: {[]byte("referer"), nil},
	52: {[]byte("refresh"), nil},
	53: {[]byte("retry-after"), nil},
	54: {[]byte("server"), nil},
	55: {[]byte("set-cookie"), nil},
	56: {[]byte("strict-transport-security"), nil},
	57: {[]byte("transfer-encoding"), nil},
	58: {[]byte("user-agent"), nil},
	59: {[]byte("vary"), nil},
	60: {[]byte("via"), nil},
	61: {[]byte("www-authenticate"), nil},
}

// firstDynamic is the index of the newest entry of the dynamic table.
const firstDynamic = uint32(len(staticTable))

// What the encoder knows by name.
const (
	indexAuthorization      = 23
	indexProxyAuthorization = 49
	indexSetCookie          = 55
)

// staticNames finds the first index of a name by its hash, by linear probing. 0 is an empty slot.
var staticNames = func() (slots [128]uint8) {
	for i := 1; i < len(staticTable); i++ {
		name := staticTable[i].name
		if bytes.Equal(name, staticTable[i-1].name) {
			continue
		}
		slot := staticSlot(hash(0, name))
		for slots[slot] != 0 {
			slot = (slot + 1) % uint8(len(slots))
		}
		slots[slot] = uint8(i)
	}
	return slots
}()

func staticSlot(h uint64) uint8 { return uint8(h >> 57) }

// staticName returns the first index of the static table with that name, whose hash is h, or 0.
func staticName(h uint64, name []byte) uint32 {
	for slot := staticSlot(h); staticNames[slot] != 0; slot = (slot + 1) % uint8(len(staticNames)) {
		if i := staticNames[slot]; string(staticTable[i].name) == string(name) {
			return uint32(i)
		}
	}
	return 0
}

// staticValue returns the index of the static field with the name of the one at first, and that value, or 0.
func staticValue(first uint32, name, value []byte) uint32 {
	for i := first; i < firstDynamic && string(staticTable[i].name) == string(name); i++ {
		if string(staticTable[i].value) == string(value) {
			return i
		}
	}
	return 0
}
