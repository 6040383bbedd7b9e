package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/pca"
)

// afterFlags say what becomes of the layers after the network.
type afterFlags struct {
	pool []string
	pca  []string
	l2   bool
}

func (f *afterFlags) add(set *pflag.FlagSet) {
	set.StringSliceVar(&f.pool, "pool", nil, "`mode` for maps: none, avg, max or gem (generalised mean, p=3): one value per channel, or flatten; LAYER=mode is for that layer alone (default none)")
	set.StringSliceVar(&f.pca, "pca", nil, "`file` of \"featx pca fit\", or LAYER=file: project the layer on it, after pooling")
	set.BoolVar(&f.l2, "l2", false, "divide each row by its Euclidean norm, after pooling and PCA")
}

func poolModes() []string {
	var modes []string
	for _, p := range featx.PoolModes {
		modes = append(modes, string(p))
	}
	return modes
}

// apply puts the flags into the options. Where a layer ends and a mode begins is told by the last =, which is in no mode; of a file's name it may be a part, if such a file is there.
func (f *afterFlags) apply(o *featx.Options) error {
	o.L2 = f.l2
	for _, text := range f.pool {
		if i := strings.LastIndex(text, "="); i >= 0 {
			o.Pools = append(o.Pools, featx.LayerPool{Layer: text[:i], Pool: featx.Pool(text[i+1:])})
		} else {
			o.Pool = featx.Pool(text)
		}
	}
	for _, text := range f.pca {
		var one featx.LayerPCA
		path := text
		if _, err := os.Stat(text); err != nil {
			if i := strings.LastIndex(text, "="); i >= 0 {
				one.Layer, path = text[:i], text[i+1:]
			}
		}
		var err error
		if one.PCA, err = pca.Open(path); err != nil {
			return fmt.Errorf("--pca %w", err)
		}
		o.PCA = append(o.PCA, one)
	}
	return nil
}
