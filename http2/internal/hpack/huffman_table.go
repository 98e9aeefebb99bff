package hpack

const (
	eos        = 256 // the symbol that ends strings nowhere: its code only pads
	maxCode    = 30  // bits
	shortCode  = 8   // bits of the codes that one look finds; the next longer code has 10
	minCode    = 5   // bits
	numSymbols = eos + 1
	eosCode    = maxCode<<8 | 0xff // in the form of shortCodes: no other code of that size has this lowest byte
)

// codeSizes is the number of bits of each symbol's code in RFC 7541, appendix B. The codes follow: the code is canonical, so that codes of one
// size are consecutive numbers in the order of their symbols, and each size begins where the one before ended.
var codeSizes = [numSymbols]uint8{
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
	28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
	6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
	5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
	13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
	7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
	15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
	6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
	20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
	24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
	22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
	21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
	26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
	19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
	20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
	26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
	30, // EOS
}

// codes is the code of each symbol, in its lowest bits.
//
// shortCodes is, for each first byte of a string, the symbol whose code begins there, and the code's size << 8, or 0 if that is longer.
//
// longCodes is what finds the longer ones, by size.
var codes, shortCodes, longCodes = makeCodes()

// longSize is the codes of one size.
type longSize struct {
	size    uint8
	below   uint32 // the codes of this size and shorter are below it, in 30 bits
	first   uint32 // the first code of the size, in its own bits
	symbols []uint8
}

func makeCodes() (codes [numSymbols]uint32, short [1 << shortCode]uint16, long []longSize) {
	next := uint32(0)
	for size := uint8(minCode); size <= maxCode; size++ {
		next <<= 1
		of := longSize{size: size, first: next}
		for sym, n := range codeSizes {
			if n == size {
				codes[sym] = next
				of.symbols = append(of.symbols, uint8(min(sym, 0xff))) // EOS as in eosCode
				next++
			}
		}
		of.below = next << (maxCode - size)
		switch {
		case size <= shortCode:
			of.spread(&short)
		case len(of.symbols) > 0:
			long = append(long, of)
		}
	}
	return codes, short, long
}

// spread enters the codes for every first byte that begins with them.
func (l *longSize) spread(short *[1 << shortCode]uint16) {
	each := 1 << (shortCode - l.size)
	for i, sym := range l.symbols {
		for j := range each {
			short[(int(l.first)+i)*each+j] = uint16(l.size)<<8 | uint16(sym)
		}
	}
}
