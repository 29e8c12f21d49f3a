package relay

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"everfile/relay/fault"
	"everfile/stream/streamtest"
)

// What was acknowledged is in the file, once and in order, whatever the network
// does: every frame that is whole in the chunks that a process has acknowledged is
// in what a complete listener of that process gets. Every other listener gets that,
// less what the server counts as lost to it.
//
// A failure names its seed; EVERFILE_SEED=N go test -run TestFaults/memory
// ./relay makes the same schedule happen again.
func TestFaults(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		many(t, schedules{short: 3, usual: 30, long: 1000}, func(t *rapid.T, s schedule) (sum tally, err error) {
			rapid.SyncTest(t, func(*rapid.T) { sum, err = s.run(memory{&fault.Memory{}}) })
			return sum, err
		})
	})
	t.Run("tcp", func(t *testing.T) {
		many(t, schedules{short: 0, usual: 2, long: 50}, func(_ *rapid.T, s schedule) (tally, error) {
			s.Real = true
			if !streamtest.Long() {
				s = s.shorter()
			}
			return s.run(tcp{})
		})
	})
}

// schedules is how many there are in go test -short, in go test, and when somebody
// has time.
type schedules struct{ short, usual, long int }

// many runs schedules until one goes wrong.
func many(t *testing.T, how schedules, run func(*rapid.T, schedule) (tally, error)) {
	n := how.usual
	if testing.Short() {
		n = how.short * 5 // rapid does a fifth of them then
	}
	if streamtest.Long() {
		n = how.long
	}
	if n == 0 {
		t.Skip("not in -short")
	}
	began, seed := time.Now(), os.Getenv("EVERFILE_SEED")
	if seed == "" {
		seed = strconv.FormatUint(rand.Uint64N(math.MaxInt64)+1, 10)
	}
	preset(t, "rapid.checks", strconv.Itoa(n))
	preset(t, "rapid.seed", seed)
	preset(t, "rapid.nofailfile", "true")
	fmt.Printf("%s: EVERFILE_SEED=%s makes all of it happen again\n", t.Name(), flag.Lookup("rapid.seed").Value) // now, lest it hangs or panics
	var sum tally
	defer func() { t.Logf("in %v: %+v", time.Since(began).Round(time.Millisecond), sum) }()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		got, err := run(t, s)
		if err != nil {
			t.Fatal(err)
		}
		sum.add(got)
	})
	if v := reflect.ValueOf(sum); n >= 1000 {
		for i := range v.NumField() {
			if v.Field(i).Int() == 0 {
				t.Errorf("%s: nothing of the kind has happened", v.Type().Field(i).Name)
			}
		}
	}
}

// preset gives a flag a value for this test, unless the command line has one.
func preset(t *testing.T, name, value string) {
	f := flag.Lookup(name)
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return
	}
	old := f.Value.String()
	if err := f.Value.Set(value); err != nil { // flag.Set would count as the command line's
		t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
	t.Cleanup(func() { _ = f.Value.Set(old) }) // it was its value before
}
