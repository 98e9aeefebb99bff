package main

import "testing"

// TestCases: there are as many cases as Autobahn has in these sections, each with an id of its own.
func TestCases(t *testing.T) {
	if len(all) != 517 {
		t.Errorf("%d cases, want 517", len(all))
	}
	ids := map[string]bool{}
	for _, k := range all {
		if ids[k.id] {
			t.Errorf("two cases %s", k.id)
		}
		ids[k.id] = true
	}
}

func TestSelectCases(t *testing.T) {
	for globs, want := range map[string]int{"*": 517, "1.*": 16, "1.*,-1.2.*": 8, "*,-12.*,-13.*": 301, "7.1.6": 1} {
		if selected, err := selectCases(globs); len(selected) != want || err != nil {
			t.Errorf("%s: %d cases, %v, want %d", globs, len(selected), err, want)
		}
	}
	for _, globs := range []string{"", "99.*", "[", "*,-*"} {
		if selected, err := selectCases(globs); err == nil {
			t.Errorf("%q: %d cases, want an error", globs, len(selected))
		}
	}
}
