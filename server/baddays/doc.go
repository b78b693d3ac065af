// Package baddays has no code of its own: its tests give the real program the
// bad days of a server (kills, a database that is gone or stands still, two
// servers of which one is cut off, a clock that is set back, a restart in the
// middle of everything) and look that nothing is lost, done twice, or told
// wrongly.
package baddays
