package brokertest

import "time"

// SetPatience shortens the wait for what a faulty broker never does.
func SetPatience(d time.Duration) { patience = d }
