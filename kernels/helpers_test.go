package kernels

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// placement is a way to lay a buffer in memory.
type placement struct {
	name  string
	alloc func(t testing.TB, n int) []float32
}

var placements = []placement{
	{"aligned", func(_ testing.TB, n int) []float32 { return make([]float32, n) }},
	{"misaligned", func(_ testing.TB, n int) []float32 { return make([]float32, n+1)[1:] }},
}

// eachISA runs one test body for every instruction set that has code for the family and runs here.
func eachISA(t *testing.T, family string, body func(t *testing.T, isa ISA)) {
	tested[family] = true
	for _, f := range Catalogue {
		if f.Name != family {
			continue
		}
		for _, isa := range f.ISAs {
			t.Run(isa.String(), func(t *testing.T) {
				if !isa.Supported() {
					t.Skipf("this CPU and build have no %s", isa)
				}
				body(t, isa)
			})
		}
		return
	}
	t.Fatalf("family %q is not in the catalogue", family)
}

var tested = map[string]bool{}

// TestMain lets a whole run fail if a family of the catalogue has no test.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == "" &&
		flag.Lookup("test.list").Value.String() == ""; whole {
		for _, f := range Catalogue {
			if !tested[f.Name] {
				fmt.Printf("FAIL: the catalogue's %q has no test\n", f.Name)
				code = 1
			}
		}
	}
	os.Exit(code)
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x66656174)) }

var negZero = float32(math.Copysign(0, -1))

var specials = []float32{
	0, negZero, 1, -1, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.SmallestNonzeroFloat32,
	-math.SmallestNonzeroFloat32, 0x1p-126, -0x1.fffffcp-127, 0x1p-140, math.MaxFloat32, -math.MaxFloat32, 0x1p-75, 0x1p64,
}

// fill writes numbers of an ordinary size, and if special is set every so often one of the specials.
func fill(r *rand.Rand, s []float32, special bool) {
	for i := range s {
		s[i] = float32(r.NormFloat64())
		if special && r.IntN(8) == 0 {
			s[i] = specials[r.IntN(len(specials))]
		}
	}
}

// same is equality of bits, where a NaN equals a NaN.
func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// mustEqual compares two buffers bit for bit.
func mustEqual(t testing.TB, what any, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%+v: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !same(got[i], want[i]) {
			t.Fatalf("%+v: value %d of %d is %v (%#08x), want %v (%#08x)", what, i, len(got),
				got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// canary marks memory that a kernel must leave alone.
const canary = 12345.678

func fillWith(s []float32, v float32) []float32 {
	for i := range s {
		s[i] = v
	}
	return s
}
