package rules_test

import (
	"strings"
	"testing"
)

// formatTests has texts that are of a format, and texts that are not.
var formatTests = map[string]struct{ is, not []string }{
	"email": {
		is: []string{
			"joe@example.com", "a.b+c@sub.example.co", "te~st@example.com", "!#$%&'*+-/=?^_`{|}~@a", "1@2.com", "a@localhost", "a@xn--bcher-kva.example",
			`"joe bloggs"@example.com`, `"a@b"@example.com`, `"a\"b\\c"@example.com`, `".."@example.com`,
			"joe@[127.0.0.1]", "joe@[IPv6:::1]", "joe@[ipv6:2001:db8::1]",
			strings.Repeat("a", 64) + "@example.com",
			strings.Repeat("a", 64) + "@" + strings.Repeat("b", 63) + "." + strings.Repeat("c", 63) + "." + strings.Repeat("d", 61), // 254
		},
		not: []string{
			"", "a", "@", "a@", "@a", "joe.example.com", "Joe <joe@example.com>", "<joe@example.com>", "joe@example.com ", " joe@example.com",
			".a@example.com", "a.@example.com", "a..b@example.com", "a b@example.com", "a@b@example.com", "a,b@example.com", "a@b c", "a@b_c", "a@-b", "a@b-",
			"a@.com", "a@com.", "a@a..b", "a@1.2.3.4", "a@é.com", "é@example.com", "a@example.com\n", "a\x00@example.com", "a(c)@example.com", "a@(c)example.com",
			`"a@example.com`, `a"@example.com`, `"a"b"@example.com`, `"a"b@example.com`, `"a\"@example.com`, `"a\@example.com`, "\"a\n\"@example.com", `"é"@example.com`, `"@example.com`, `""@example.com`, "\"\\\x7f\"@a",
			"joe@[127.0.0.300]", "joe@[127.0.0.1", "joe@127.0.0.1]", "joe@[::1]", "joe@[IPv6:]", "joe@[IPv6:127.0.0.1]", "joe@[]", "joe@[tag:x]",
			strings.Repeat("a", 65) + "@example.com",
			strings.Repeat("a", 64) + "@" + strings.Repeat("b", 63) + "." + strings.Repeat("c", 63) + "." + strings.Repeat("d", 62),
		},
	},
	"uuid": {
		is: []string{
			"2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2EB8AA08-AA98-11EA-B4AA-73B441D16380", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-FFFF-ffff-ffffffffffff",
		},
		not: []string{
			"", "2eb8aa08-aa98-11ea-b4aa-73b441d1638", "2eb8aa08-aa98-11ea-b4aa-73b441d163800", "2eb8aa08aa9811eab4aa73b441d16380", "2eb8aa08-aa98-11ea-b4aa73b441d16380-",
			"2eb8-aa08-aa98-11ea-b4aa73b44-1d16380", "{2eb8aa08-aa98-11ea-b4aa-73b441d1638}", "2eb8aa08-aa98-11ea-b4aa-73b441d1638g", "2eb8aa08-aa98-11ea-b4aa-73b441d1638é",
		},
	},
	"date": {
		is:  []string{"1963-06-19", "2024-02-29", "2000-02-29", "0000-02-29", "9999-12-31", "2023-02-28", "2023-04-30", "2023-01-31"},
		not: []string{"", "2023-02-29", "1900-02-29", "2023-02-30", "2023-04-31", "2023-06-31", "2023-09-31", "2023-11-31", "2023-00-01", "2023-13-01", "2023-01-00", "2023-01-32", "2023-1-01", "2023-01-1", "23-01-01", "2023/01/01", "2023-01-01T", "2023-01-01T00:00:00Z", "20230101", "2023-W01-1", "2023-001", "+2023-01-0", "12023-01-01", "2023-01-0x", "202x-01-01", "٢٠٢٣-01-01", " 2023-01-1"},
	},
	"time": {
		is: []string{
			"08:30:06Z", "08:30:06z", "00:00:00Z", "23:59:59Z", "08:30:06.283185Z", "08:30:06.0Z", "08:30:06+00:20", "08:30:06-08:00", "08:30:06-00:00", "08:30:06+23:59",
			"08:30:06.12345678901234567890Z", "23:59:60Z", "23:59:60.9Z", "23:59:60+00:00", "01:29:60+01:30", "15:59:60-08:00", "00:59:60+01:00", "23:29:60+23:30", "23:58:60-00:01",
		},
		not: []string{
			"", "08:30:06", "08:30Z", "8:30:06Z", "08:3:06Z", "08:30:6Z", "24:00:00Z", "08:60:06Z", "08:30:61Z", "08:30:06+24:00", "08:30:06+00:60", "08:30:06+0800", "08:30:06+08",
			"08:30:06.Z", "08:30:06,5Z", "08:30:06 Z", "08:30:06ZZ", "08:30:06Z ", "08-30-06Z", "-8:30:06Z", "08:30:06#00:20", "08:30:06+00:20Z", "22:59:60Z", "23:58:60Z", "23:59:60+01:00",
			"01:29:60+01:31", "00:00:60Z", "08:30:06PST", "T08:30:06Z", "08:30:06+8:00", "08:30:06+é0:00", "08:30:06.5",
		},
	},
	"date-time": {
		is: []string{
			"1963-06-19T08:30:06.283185Z", "1963-06-19T08:30:06Z", "1937-01-01T12:00:27.87+00:20", "1990-12-31T15:59:50.123-08:00", "1963-06-19t08:30:06.283185z", "2024-02-29T00:00:00+14:00",
			"1998-12-31T23:59:60Z", "1998-12-31T15:59:60.123-08:00", "1999-01-01T00:59:60+01:00", "2016-06-30T23:59:60Z", "2016-02-29T23:59:60Z", "2015-02-28T23:59:60Z", "2016-03-01T08:59:60+09:00",
			"2015-12-31T00:00:60-23:59",
		},
		not: []string{
			"", "1998-12-31T23:59:61Z", "1998-12-31T23:58:60Z", "1998-12-31T22:59:60Z", "1998-12-30T23:59:60Z", "1998-12-31T00:59:60+01:00", "1999-01-01T23:59:60Z", "2016-02-28T23:59:60Z", "1999-01-01T15:59:60-08:00",
			"1990-02-31T15:59:59.123-08:00", "1990-12-31T15:59:59-24:00", "1963-06-19 08:30:06Z", "1963-06-19T08:30:06", "1963-06-19T", "1963-06-19", "06/19/1963 08:30:06 PST", "2013-350T01:01:01", "1963-6-19T08:30:06Z",
			"1963-06-1T00:00:00Z", "1963-06-19T08:30:06Z+01:00", "11963-06-19T08:30:06Z", "1963-06-19X08:30:06Z", "1963-06-19T08:30:06.28\u00093185Z", "1963-06-19T0\u09e6:30:06Z", "T08:30:06Z",
			"1963-06-19T8:30:06Z", "1963-06-19T8:30:06.5Z", "1963-06-19T08:30:06,5Z", "1963-06-19T08:30:06+24:00", "1963-06-19T08:30:06+23:60", "1963-06-19T08:30:06.Z",
		},
	},
	"duration": {
		is: []string{"P4DT12H30M5S", "P4Y", "PT0S", "P0D", "P1M", "PT1M", "PT36H", "P1DT12H", "P2W", "P1Y2M3DT4H5M6S", "P1M2D", "PT4H5M", "PT5M6S", "P1YT1S", "P00000000000000000000001D"},
		not: []string{
			"", "P", "PT", "P1", "1D", "T1H", "P1DT", "P4DT", "PT1D", "P1S", "P1H", "P1Y2D", "PT1H2S", "P2D1Y", "P1D2H", "PT2S3M", "P1Y2W", "P1W2D", "P1WT1H", "P1.5D", "PT1.5S", "P-1D", "-P1D", "+P1D", "p1d", "P1d", "P 1D",
			"P1DT1HT1M", "PT1H1H", "P1D ", "P１D", "P1Y1Y", "PD", "PTS", "P1D1", "PT1H30",
		},
	},
	"uri": {
		is: []string{
			"http://foo.bar/?baz=qux#quux", "http://foo.com/blah_(wikipedia)_blah#cite-1", "http://foo.bar/?q=Test%20URL-encoded%20stuff", "http://xn--nw2a.xn--j6w193g/", "http://-.~_!$&'()*+,;=:%40:80%2f::::::@example.com",
			"http://223.255.255.254", "ftp://ftp.is.co.za/rfc/rfc1808.txt", "ldap://[2001:db8::7]/c=GB?objectClass?one", "mailto:John.Doe@example.com", "news:comp.infosystems.www.servers.unix", "tel:+1-816-555-1212",
			"urn:oasis:names:specification:docbook:dtd:xml:4.1.2", "http://[::1]:80/", "http://[v1.a:b]/", "http://[V1F.:]", "file:///etc/passwd", "a:", "A+-.1:", "a://", "a:///", "http://a:/", "http://a:99999", "http:///x", "a:b:c", "data:,a%2C?#/?",
			"http://@a", "a:/b//c", "http://a/%00", "http://a#", "http://a?", "http://a?#",
		},
		not: []string{
			"", "//foo.bar/?baz", "/abc", "abc", "foo@bar", "\\\\WINDOWS\\fileshare", ":// should fail", "http:// shouldfail.com", "bar,baz:qux", "1a:b", "+a:b", ":", "http", "http://a b", "http://a/ b", "http://example.com/é",
			"http://é.com/", "https://[@example.org/test.txt", "https://example.org/foobar\\.txt", "https://example.org/foobar<>.txt", "https://example.org/foobar{}.txt", "https://example.org/foobar^.txt",
			"https://example.org/foobar`.txt", "https://example.org/foo bar.txt", "https://example.org/foobar|.txt", "http://a/%", "http://a/%2", "http://a/%2g", "http://a/%g2", "http://a%", "http://[::1", "http://::1/", "http://[::1]a",
			"http://[1.2.3.4]", "http://[v.a]", "http://[v1.]", "http://[v1]", "http://[vg.a]", "http://[v1.%41]", "http://[fe80::1%25en0]/", "http://a:b", "http://a:8 0", "http://a:80:80", "http://a@b@c", "http://a/[b]", "http://a?[b]", "http://a#b#c", "http://a\n", "http://a\x00",
			"http://a?\"", "a\u00e9:b", "http://[]", "http://a:-1", "http://a[", "a_b:c",
		},
	},
	"uri-reference": {
		is:  []string{"", "http://foo.bar/?baz=qux#quux", "//foo.bar/?baz=qux#quux", "/abc", "abc", "./a:b", "?q", "#frag", "?a:b", "#a:b", "a/b:c", "//", "///", "../..", "abc?x=/?#/?", "%41", "a:b", "@", "//a@b:1/"},
		not: []string{"1:b", ":", "%:b", "a b", "\\\\WINDOWS\\fileshare", "#frag\\ment", "é", "%", "/%zz", "//[", "//a:b", "#a#", "<a>", "\"a\"", "/unencoded|", "//[::1", "_a:b"},
	},
	"hostname": {
		is: []string{
			"www.example.com", "xn--4gbwdl.xn--wgbh1c", "a", "A", "a1", "1a", "1.a", "hostn4me", "hostnam3", "a-b", "a--b", "localhost", "3com.com", "127.0.0.a1", strings.Repeat("a", 63) + ".com",
			strings.Repeat(strings.Repeat("a", 62)+".", 4) + "c", // 253
		},
		not: []string{
			"", ".", "a.", ".a", "a..b", "-a", "a-", "a.-b", "a.b-", "a_b", "_a.b", "a b", "a.b\n", "é.com", "1", "127.0.0.1", "a.1", "1.2", strings.Repeat("a", 64) + ".com", "a/b", "a:80", "[::1]", "a%2e",
			strings.Repeat(strings.Repeat("a", 62)+".", 4) + "cc", "〮", "a。b",
		},
	},
	"ipv4": {
		is:  []string{"192.168.0.1", "0.0.0.0", "255.255.255.255", "1.10.100.9"},
		not: []string{"", "127.0.0.0.1", "256.256.256.256", "127.0", "0x7f000001", "2130706433", "087.10.0.1", "87.10.0.01", "00.0.0.0", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4/24", "1.2.3.256", "1.2.3.999", "1.2.3.1000", "1২7.0.0.1", "-1.2.3.4", "::1", "1,2,3,4", "1.2.3.4\n"},
	},
	"ipv6": {
		is: []string{
			"::1", "::", "::abef", "1::", "1:2:3:4:5:6:7:8", "ABCD:ef01::", "::42:ff:1", "d6::", "1:d6::42", "1::d6:192.168.0.1", "1:2::192.168.0.1", "::ffff:192.168.0.1", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "1::8", "::1.2.3.4", "0000:0000::0000",
			"1:2:3:4:5::1.2.3.4",
		},
		not: []string{
			"", ":", ":::", "12345::", "::12345", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "1::2::3", ":2:3:4:5:6:7:8", "1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:8:", "::laptop", "::-1", "1::d6:192.168.0.256",
			"1:2:3:4:1.2.3", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6::1.2.3.4", "::1.2.3.4:5", "1.2.3.4", "fe80::a%eth1", "fe80::/64", " ::1", "::1 ", "1:::2", "১::", "1", "1:", "::g", "[::1]", "::1.2.3.04",
		},
	},
	"byte": {
		is:  []string{"", "YQ==", "YWI=", "YWJj", "+/+/", "AAAA", "TWFuIGlzIGRpc3Rpbmd1aXNoZWQ="},
		not: []string{"a", "YQ", "YQ=", "YWI", "YR==", "YWJ=", "YQ===", "====", "===", "=", "A===", "Y=Q=", "YW=j", "YQ==YQ==", "_-_-", "YWJj\n", "YW\nJj", " YWJ", "YWJé", "Y\x00==", "YQ\n="},
	},
	"json-pointer": {
		is:  []string{"", "/", "/foo", "/foo/0", "//", "/a~1b", "/m~0n", "/c%d", "/ ", "/é", "/a/", "/~0~1", "/~01", "/\x00\x7f", `/i\j`},
		not: []string{"a", "#", "#/", "#a", "/~", "/foo/bar~", "/~2", "/~/", "/~a", "0", "~0", " /", "/\xff"},
	},
}

func TestFormats(t *testing.T) {
	for format, tt := range formatTests {
		tag := "format=" + format
		for _, text := range tt.is {
			if got := detailOf(t, tag, text); got != "" {
				t.Errorf("%s: %q %s", format, text, got)
			}
		}
		want := detailOf(t, tag, tt.not[len(tt.not)-1])
		if !strings.HasPrefix(want, "must be ") {
			t.Errorf("%s: detail %q", format, want)
		}
		for _, text := range tt.not {
			if got := detailOf(t, tag, text); got != want {
				t.Errorf("%s: %q %s, want %s", format, text, got, want)
			}
		}
	}
}

// TestFormatDetails: what clients read.
func TestFormatDetails(t *testing.T) {
	for format, want := range map[string]string{
		"email": "must be an email address", "uuid": "must be a UUID", "date": "must be a date such as 2006-01-02", "time": "must be a time such as 15:04:05Z",
		"date-time": "must be a date and time such as 2006-01-02T15:04:05Z", "duration": "must be a duration such as P3DT12H", "uri": "must be a URI such as https://example.com/",
		"uri-reference": "must be a URI or a relative reference", "hostname": "must be a host name", "ipv4": "must be an IPv4 address", "ipv6": "must be an IPv6 address",
		"byte": "must be base64", "json-pointer": "must be a JSON pointer",
	} {
		if got := detailOf(t, "format="+format, name(" %")); got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
}

// TestFormatExamples: the examples in the details are right themselves.
func TestFormatExamples(t *testing.T) {
	for format := range formatTests {
		detail := detailOf(t, "format="+format, " %")
		if _, example, ok := strings.Cut(detail, "such as "); ok {
			if got := detailOf(t, "format="+format, example); got != "" {
				t.Errorf("%s: its example %q %s", format, example, got)
			}
		}
	}
}
