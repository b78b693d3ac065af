package tenderform

// Shrink makes the limits of a workbook a thousandth of what they are, and gives
// what restores them.
func Shrink() (restore func()) {
	before := limits
	limits.part, limits.tokens, limits.rows = limits.part/1000, limits.tokens/1000, limits.rows/1000
	return func() { limits = before }
}
