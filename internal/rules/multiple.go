package rules

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
)

// step is the value of multipleOf for floats.
type step struct {
	digits uint64 // it is exactly digits * 10^exp, as the tag has it, digits not divisible by 10
	exp    int
	value  float64
	bits   int // of the type
}

func floatMultiple(text string, value float64, size int) (func(float64) bool, error) {
	digits, exp, ok := decimal([]byte(text))
	if !ok {
		return nil, fmt.Errorf("has the value %s, which has more than 19 digits", text)
	}
	s := &step{digits, exp, value, size}
	return s.divides, nil
}

const (
	exact     = 1 << 53  // floats below are exact integers
	tolerance = 0x1p-50  // 4 units in the last place: what a quotient of decimals, or of a sum of them, is off by
	tiny      = 0x1p-900 // steps up to here: they and their multiples may have lost digits already
	tolerated = 1 << 32  // quotients up to here: the tolerance stays below a millionth of a step
)

// divides reports whether v is a multiple of s, as a person reads both: 19.99 is one of 0.01, though neither is exactly so in binary. For a
// step that is no integer, a v that is off by its last bits passes too, such as 0.1+0.2 for 0.1.
func (s *step) divides(v float64) bool {
	switch v = math.Abs(v); {
	case v == 0:
		return true
	case !(v <= math.MaxFloat64): // NaN as well
		return false
	case s.exp >= 0 && v < exact && s.value < exact:
		return math.Mod(v, s.value) == 0
	case s.exp < 0 && s.bits == 64 && s.value > tiny:
		if q := v / s.value; q < tolerated {
			return q > 0.5 && math.Abs(q-math.Round(q)) <= q*tolerance
		}
	}
	return s.dividesDecimal(v)
}

// dividesDecimal computes with the shortest decimal that stands for v, which is what the client wrote, exactly.
func (s *step) dividesDecimal(v float64) bool {
	var buf [32]byte
	digits, exp, _ := decimal(strconv.AppendFloat(buf[:0], v, 'e', -1, s.bits))
	if exp < s.exp {
		return false // digits is not divisible by 10
	}
	n := s.digits
	return mulMod(digits%n, powMod(10%n, exp-s.exp, n), n) == 0
}

// decimal takes a positive number apart: it is digits * 10^exp, digits not divisible by 10. ok is false if digits overflows.
func decimal(text []byte) (digits uint64, exp int, ok bool) {
	scale, zeros, seenPoint := 0, 0, false
	for i, b := range text {
		switch {
		case b == '.':
			seenPoint = true
			continue
		case b == 'e' || b == 'E':
			scale += exponent(text[i+1:])
			return digits, scale + zeros, true
		case seenPoint:
			scale--
		}
		if b == '0' && digits != 0 {
			zeros++ // kept back: digits must not end in zeros
			continue
		}
		for ; zeros > 0; zeros-- {
			if digits, ok = times10(digits, 0); !ok {
				return 0, 0, false
			}
		}
		if digits, ok = times10(digits, b-'0'); !ok {
			return 0, 0, false
		}
	}
	return digits, scale + zeros, true
}

func times10(n uint64, digit byte) (uint64, bool) {
	if n > (math.MaxUint64-9)/10 {
		return 0, false
	}
	return n*10 + uint64(digit), true
}

// exponent reads a decimal exponent; one that no float has stays beyond all that floats have.
func exponent(text []byte) int {
	n, sign := 0, 1
	for _, b := range text {
		switch {
		case b == '-':
			sign = -1
		case b != '+' && n < 1e6:
			n = n*10 + int(b-'0')
		}
	}
	return sign * n
}

func mulMod(a, b, n uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return bits.Rem64(hi, lo, n)
}

func powMod(base uint64, exp int, n uint64) uint64 {
	result := 1 % n
	for ; exp > 0; exp >>= 1 {
		if exp&1 == 1 {
			result = mulMod(result, base, n)
		}
		base = mulMod(base, base, n)
	}
	return result
}
