package rules

import "strings"

// A date is what the rule of leap seconds must know of one.
type date struct{ day, days int } // day of the month, days that the month has

// isDate is full-date of RFC 3339, section 5.6, and a day that the calendar has.
func isDate(s string) bool {
	_, ok := parseDate(s)
	return ok
}

func parseDate(s string) (date, bool) {
	if len(s) != len("2006-01-02") || s[4] != '-' || s[7] != '-' {
		return date{}, false
	}
	century, year, month, day := pair(s), pair(s[2:]), pair(s[5:]), pair(s[8:])
	if century < 0 || year < 0 || month < 1 || month > 12 {
		return date{}, false
	}
	d := date{day, daysIn(100*century+year, month)}
	return d, day >= 1 && day <= d.days
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// isTime is full-time of RFC 3339, section 5.6: with an offset. A leap second is the last one of a day in UTC.
func isTime(s string) bool {
	_, ok := parseTime(s)
	return ok
}

// A clock is what the rule of leap seconds must know of a time.
type clock struct {
	leap  bool // the second is 60
	shift int  // then: how many days UTC's date is ahead
}

func parseTime(s string) (clock, bool) {
	if len(s) < len("15:04:05Z") || s[2] != ':' || s[5] != ':' {
		return clock{}, false
	}
	hour, minute, second := pair(s), pair(s[3:]), pair(s[6:])
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return clock{}, false
	}
	rest := s[8:]
	if rest[0] == '.' {
		n := digits(rest[1:])
		if n == 0 {
			return clock{}, false
		}
		rest = rest[1+n:]
	}
	offset, ok := parseOffset(rest)
	if !ok || second < 60 {
		return clock{}, ok
	}
	const day = 24 * 60
	utc := 60*hour + minute - offset + day // from -day to 2*day, made positive
	return clock{leap: true, shift: utc/day - 1}, utc%day == day-1
}

// parseOffset reads time-offset, in minutes east of UTC.
func parseOffset(s string) (minutes int, ok bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	if len(s) != len("+07:00") || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	hour, minute := pair(s[1:]), pair(s[4:])
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0, false
	}
	if s[0] == '-' {
		return -60*hour - minute, true
	}
	return 60*hour + minute, true
}

// isDateTime is date-time of RFC 3339, section 5.6. A leap second is the last one of a month in UTC (5.7): which months had
// one is not looked at.
func isDateTime(s string) bool {
	const dateLen = len("2006-01-02")
	if len(s) <= dateLen || s[dateLen] != 'T' && s[dateLen] != 't' {
		return false
	}
	d, ok := parseDate(s[:dateLen])
	if !ok {
		return false
	}
	c, ok := parseTime(s[dateLen+1:])
	if !ok || !c.leap {
		return ok
	}
	utcDay := d.day + c.shift
	return utcDay == d.days || utcDay == 0 // the day before the first
}

// pair reads two digits, -1 if they are none.
func pair(s string) int {
	if len(s) < 2 || !isDigit(s[0]) || !isDigit(s[1]) {
		return -1
	}
	return 10*int(s[0]-'0') + int(s[1]-'0')
}

// isDuration is duration of RFC 3339, appendix A (ISO 8601 without fractions): no unit is skipped between two, weeks stand alone.
func isDuration(s string) bool {
	s, ok := strings.CutPrefix(s, "P")
	if !ok {
		return false
	}
	if n := digits(s); n > 0 && s[n:] == "W" {
		return true
	}
	days, hours, hasTime := strings.Cut(s, "T")
	if hasTime && !areUnits(hours, "HMS") {
		return false
	}
	return areUnits(days, "YMD") || hasTime && days == ""
}

// areUnits reports whether s is a run of numbers with units that follow one another in the given order, at least one.
func areUnits(s, units string) bool {
	last := -1
	for s != "" {
		n := digits(s)
		if n == 0 || n == len(s) {
			return false
		}
		at := strings.IndexByte(units, s[n])
		if at < 0 || last >= 0 && at != last+1 {
			return false
		}
		last, s = at, s[n+1:]
	}
	return last >= 0
}
