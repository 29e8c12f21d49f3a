//go:build !unix

package relay

import "runtime"

// ownStats knows nothing of the processor's time on this system.
func ownStats() (p processStats) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.live = float64(m.HeapAlloc + m.StackInuse)
	return p
}
