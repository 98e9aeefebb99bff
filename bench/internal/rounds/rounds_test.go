package rounds_test

import (
	"slices"
	"testing"

	"github.com/goquart/quart/bench/internal/rounds"
)

func TestFigures(t *testing.T) {
	tests := []struct {
		rounds           []float64
		median, min, max float64
	}{
		{[]float64{3}, 3, 3, 3},
		{[]float64{4, 1}, 2.5, 1, 4},
		{[]float64{9, 1, 2}, 2, 1, 9},
	}
	for _, tt := range tests {
		before := slices.Clone(tt.rounds)
		got := rounds.Of(tt.rounds)
		if got.Median != tt.median || got.Min != tt.min || got.Max != tt.max || !slices.Equal(got.Rounds, before) {
			t.Errorf("%v: %+v", tt.rounds, got)
		}
	}
}

func TestTurns(t *testing.T) {
	all := []string{"a", "b", "c"}
	if got := rounds.Turns(all, 0); !slices.Equal(got, all) {
		t.Errorf("round 0: %v", got)
	}
	if got := rounds.Turns(all, 1); !slices.Equal(got, []string{"c", "b", "a"}) || all[0] != "a" {
		t.Errorf("round 1: %v of %v", got, all)
	}
}
