package wsproto_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/wsproto"
)

// negotiate returns the answer to the offers, "" for none. Fields are cut at "|".
func negotiate(offers string, takeover bool) (answer string, p wsproto.Params, err error) {
	var lines [][]byte
	if offers != "" {
		for line := range strings.SplitSeq(offers, "|") {
			lines = append(lines, []byte(line))
		}
	}
	p, err = wsproto.Negotiate(lines, takeover)
	if err == nil && p.Deflate {
		answer = string(wsproto.AppendExtension(nil, p))
	}
	return answer, p, err
}

const (
	pmd  = "permessage-deflate"
	both = pmd + "; server_no_context_takeover; client_no_context_takeover"
)

func TestNegotiate(t *testing.T) {
	tests := []struct {
		offers         string
		without, taken string // the answers without and with takeover
	}{
		{"", "", ""},
		{"|", "", ""},
		{pmd, both, pmd},
		{"  " + pmd + "  ", both, pmd},
		{",, ,\t" + pmd + " ,", both, pmd},
		{pmd + "; client_max_window_bits", both, pmd + "; client_max_window_bits=13"}, // all browsers
		{pmd + ";client_max_window_bits", both, pmd + "; client_max_window_bits=13"},
		{pmd + " ; client_max_window_bits = 15", both, pmd + "; client_max_window_bits=13"},
		{pmd + "; client_max_window_bits=10", both + "; client_max_window_bits=10", pmd + "; client_max_window_bits=10"},
		{pmd + `; client_max_window_bits="10"`, both + "; client_max_window_bits=10", pmd + "; client_max_window_bits=10"},
		{pmd + "; server_max_window_bits=8", both + "; server_max_window_bits=8", pmd + "; server_max_window_bits=8"},
		{pmd + "; server_max_window_bits=9", both + "; server_max_window_bits=9", pmd + "; server_max_window_bits=9"},
		{pmd + "; server_max_window_bits=15", both + "; server_max_window_bits=15", pmd + "; server_max_window_bits=15"},
		{pmd + "; server_no_context_takeover", both, pmd + "; server_no_context_takeover"},
		{pmd + "; client_no_context_takeover", both, pmd + "; client_no_context_takeover"},
		{pmd + "; client_no_context_takeover; client_max_window_bits", both, pmd + "; client_no_context_takeover"},
		{
			pmd + "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; client_max_window_bits=11",
			both + "; server_max_window_bits=12; client_max_window_bits=11",
			both + "; server_max_window_bits=12; client_max_window_bits=11",
		},

		// Declined, and the next one is taken.
		{pmd + "; unknown, " + pmd, both, pmd},
		{pmd + "; unknown=1 | " + pmd, both, pmd},
		{pmd + "; server_max_window_bits", "", ""},
		{pmd + "; server_max_window_bits=7", "", ""},
		{pmd + "; server_max_window_bits=16", "", ""},
		{pmd + "; server_max_window_bits=08", "", ""},
		{pmd + "; server_max_window_bits=1", "", ""},
		{pmd + "; server_max_window_bits=100", "", ""},
		{pmd + "; server_max_window_bits=+9", "", ""},
		{pmd + `; server_max_window_bits="1\0"`, "", ""},
		{pmd + "; client_max_window_bits=7", "", ""},
		{pmd + "; client_max_window_bits=x", "", ""},
		{pmd + "; server_no_context_takeover=1", "", ""},
		{pmd + "; client_no_context_takeover=true", "", ""},
		{pmd + "; client_no_context_takeover; client_no_context_takeover", "", ""},
		{pmd + "; server_no_context_takeover; server_no_context_takeover", "", ""},
		{pmd + "; server_max_window_bits=9; server_max_window_bits=9", "", ""},
		{pmd + "; client_max_window_bits; client_max_window_bits=9", "", ""},
		{pmd + "; Client_Max_Window_Bits", "", ""},
		{pmd + "; server_max_window_bits=99, " + pmd + "; server_max_window_bits=9, " + pmd, both + "; server_max_window_bits=9", pmd + "; server_max_window_bits=9"},

		// Others.
		{"x-webkit-deflate-frame", "", ""},
		{"permessage-deflate-x", "", ""},
		{"permessage-bzip2; a=1; b=\"c\", x-webkit-deflate-frame | foo, " + pmd, both, pmd},
	}
	for _, tt := range tests {
		for _, takeover := range []bool{false, true} {
			want := tt.without
			if takeover {
				want = tt.taken
			}
			if got, _, err := negotiate(tt.offers, takeover); got != want || err != nil {
				t.Errorf("takeover %v, %s:\n got %q, %v\nwant %q", takeover, tt.offers, got, err, want)
			}
		}
	}
}

func TestNegotiateMalformed(t *testing.T) {
	for _, offers := range []string{
		";", "=", pmd + ";", pmd + "; ", pmd + ";;a", pmd + "; a=", pmd + "; =a", pmd + `; a="`, pmd + `; a="b`, pmd + `; a=""`, pmd + `; a="b c"`,
		pmd + `; a="b\`, pmd + `; a="b\"`, pmd + `; a="b"c`, pmd + " a", pmd + "; a b", pmd + "; a=b c", pmd + "; a=b=c", "a/b", "(a)", "\x00", "ü", "a, b c",
		pmd + ", ;", pmd + " | ;", "a;, b", "\"a\"",
	} {
		if answer, p, err := negotiate(offers, false); !errors.Is(err, wsproto.ErrExtensions) || p != (wsproto.Params{}) {
			t.Errorf("%q: %q, %v", offers, answer, err)
		}
	}
}

func TestNegotiatedParams(t *testing.T) {
	offer := pmd + "; server_max_window_bits=10; client_max_window_bits=9; server_no_context_takeover"
	_, p, err := negotiate(offer, true)
	if err != nil || !p.Deflate || p.ServerBits != 10 || p.ClientBits != 9 || !p.ServerNoTakeover || p.ClientNoTakeover {
		t.Errorf("%+v, %v", p, err)
	}
	_, p, _ = negotiate(pmd, false)
	if p.ServerBits != 15 || p.ClientBits != 15 || !p.ServerNoTakeover || !p.ClientNoTakeover {
		t.Errorf("%+v", p)
	}
	// One that was built by hand: what is zero is the default.
	if got := string(wsproto.AppendExtension(nil, wsproto.Params{Deflate: true})); got != pmd {
		t.Errorf("got %q", got)
	}
}
