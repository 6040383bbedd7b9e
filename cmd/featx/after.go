package main

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/featx-go/featx"
)

// afterFlags say what becomes of the layers after the network.
type afterFlags struct {
	pool []string
	l2   bool
}

func (f *afterFlags) add(set *pflag.FlagSet) {
	set.StringSliceVar(&f.pool, "pool", nil, "`mode` for maps: none, avg, max or gem (generalised mean, p=3): one value per channel, or flatten; LAYER=mode is for that layer alone (default none)")
	set.BoolVar(&f.l2, "l2", false, "divide each row by its Euclidean norm, after pooling")
}

func poolModes() []string {
	var modes []string
	for _, p := range featx.PoolModes {
		modes = append(modes, string(p))
	}
	return modes
}

// apply puts the flags into the options. Where a layer ends and a mode begins is told by the last =, which is in no mode.
func (f *afterFlags) apply(o *featx.Options) {
	o.L2 = f.l2
	for _, text := range f.pool {
		if i := strings.LastIndex(text, "="); i >= 0 {
			o.Pools = append(o.Pools, featx.LayerPool{Layer: text[:i], Pool: featx.Pool(text[i+1:])})
		} else {
			o.Pool = featx.Pool(text)
		}
	}
}
