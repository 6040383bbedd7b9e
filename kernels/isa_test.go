package kernels

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseISA(t *testing.T) {
	for isa := range isaCount {
		for _, name := range []string{isa.String(), strings.ToUpper(isa.String())} {
			if got, err := ParseISA(name); err != nil || got != isa {
				t.Errorf("ParseISA(%q) is %v, %v", name, got, err)
			}
		}
	}
	if _, err := ParseISA("sse9"); err == nil || !strings.Contains(err.Error(), `"sse9"`) || !strings.Contains(err.Error(), "generic, avx2, avx512, neon") {
		t.Errorf("ParseISA of an unknown name: %v", err)
	}
	if got := ISA(77).String(); got != "ISA(77)" {
		t.Errorf("an ISA without a name is called %s", got)
	}
}

func TestSelect(t *testing.T) {
	t.Setenv(EnvISA, "")
	if isa, err := Select(""); err != nil || isa != Best() {
		t.Errorf("no choice selects %v, %v; want %v", isa, err, Best())
	}
	t.Setenv(EnvISA, "generic")
	if isa, err := Select(""); err != nil || isa != Generic {
		t.Errorf("FEATX_ISA=generic selects %v, %v", isa, err)
	}
	if isa, err := Select(Best().String()); err != nil || isa != Best() {
		t.Errorf("a name over FEATX_ISA selects %v, %v", isa, err)
	}
	t.Setenv(EnvISA, "mmx")
	if _, err := Select(""); err == nil || !strings.Contains(err.Error(), "FEATX_ISA") {
		t.Errorf("a wrong FEATX_ISA: %v, want an error that names the variable", err)
	}
	for isa := range isaCount {
		if isa.Supported() != slices.Contains(All(), isa) {
			t.Errorf("All and Supported disagree on %s", isa)
		}
		if _, err := Select(isa.String()); (err == nil) != isa.Supported() {
			t.Errorf("Select(%s): %v, supported: %v", isa, err, isa.Supported())
		} else if err != nil && !strings.Contains(err.Error(), "generic") {
			t.Errorf("%v: want the instruction sets that can run", err)
		}
	}
	if All()[0] != Generic {
		t.Errorf("All begins with %s", All()[0])
	}
}

func TestCatalogue(t *testing.T) {
	for _, f := range Catalogue {
		if !slices.Contains(f.ISAs, Generic) || f.Does == "" {
			t.Errorf("%+v: every family has portable Go and a description", f)
		}
		for isa := range isaCount {
			want := Generic
			if slices.Contains(f.ISAs, isa) && isa.Supported() {
				want = isa
			}
			if got := f.Runs(isa); got != want {
				t.Errorf("%s asked for %s runs %s, want %s", f.Name, isa, got, want)
			}
		}
	}
}

func TestFMAPeak(t *testing.T) {
	for _, isa := range All() {
		if peak := isa.FMAPeak(time.Millisecond); peak < 1e6 || peak > 1e13 {
			t.Errorf("%s: %g operations per second", isa, peak)
		}
	}
}
