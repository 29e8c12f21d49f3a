// Package fault is a bad network, for tests: connections in memory, and a proxy,
// in front of those or of real ones, that cuts, resets, half-closes, stalls,
// delays and splits what passes through it, at any byte.
//
// All waits are on channels, conditions and timers, so that the whole of it runs
// on the clock of package testing/synctest too.
package fault
