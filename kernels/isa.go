package kernels

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// ISA is an instruction set that kernels are written for.
type ISA uint8

// The instruction sets, slowest first on each architecture.
const (
	Generic ISA = iota // portable Go, on every machine
	AVX2               // AVX2, FMA3 and F16C
	AVX512             // AVX-512 F, BW, DQ and VL
	NEON               // Advanced SIMD, which every arm64 CPU has
	isaCount
)

// EnvISA is the environment variable that overrides the choice of instruction set.
const EnvISA = "FEATX_ISA"

var isaNames = [isaCount]string{"generic", "avx2", "avx512", "neon"}

// String gives the name that ParseISA reads.
func (isa ISA) String() string {
	if isa < isaCount {
		return isaNames[isa]
	}
	return fmt.Sprintf("ISA(%d)", uint8(isa))
}

// ParseISA is the inverse of String, in either case of letters. It does not ask whether the CPU has the instruction set.
func ParseISA(name string) (ISA, error) {
	for i, n := range isaNames {
		if strings.EqualFold(name, n) {
			return ISA(i), nil
		}
	}
	return Generic, fmt.Errorf("unknown instruction set %q: want one of %s", name, strings.Join(isaNames[:], ", "))
}

// Supported tells whether this build has kernels for the instruction set and this CPU and operating system run them.
func (isa ISA) Supported() bool {
	switch isa {
	case Generic:
		return true
	case AVX2:
		return hasAssembly && cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3, cpuid.F16C)
	case AVX512:
		return hasAssembly && cpuid.CPU.Supports(cpuid.F16C, cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL)
	case NEON:
		return hasAssembly && runtime.GOARCH == "arm64"
	}
	return false
}

// All lists the instruction sets that are supported here, slowest first; Generic is always the first.
func All() []ISA {
	var all []ISA
	for isa := range isaCount {
		if isa.Supported() {
			all = append(all, isa)
		}
	}
	return all
}

// Best is the fastest instruction set that is supported here.
func Best() ISA {
	all := All()
	return all[len(all)-1]
}

// Select resolves a user's choice: name, or if it is empty the variable FEATX_ISA, or if that is empty too the best one.
// Asking for an instruction set that cannot run here is an error that lists those that can.
func Select(name string) (ISA, error) {
	source := ""
	if name == "" {
		name, source = os.Getenv(EnvISA), EnvISA+": "
	}
	if name == "" {
		return Best(), nil
	}
	isa, err := ParseISA(name)
	if err != nil {
		return Generic, fmt.Errorf("%s%w", source, err)
	}
	if !isa.Supported() {
		var have []string
		for _, s := range All() {
			have = append(have, s.String())
		}
		return Generic, fmt.Errorf("%sinstruction set %s cannot run here: this CPU and build have %s", source, isa, strings.Join(have, ", "))
	}
	return isa, nil
}
