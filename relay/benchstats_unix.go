//go:build unix

package relay

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
)

// ownStats measures this process. The collection that it makes for the memory
// comes after the CPU has been read.
func ownStats() (p processStats) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
		p.cpu = float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
	}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, resident float64
		if n, _ := fmt.Sscan(string(b), &size, &resident); n == 2 {
			p.rss = resident * float64(os.Getpagesize())
		}
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.live = float64(m.HeapAlloc + m.StackInuse)
	return p
}
