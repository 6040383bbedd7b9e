package main

import (
	"math"

	"github.com/spf13/pflag"

	"github.com/featx-go/featx/engine/image"
)

// recipeFlags are the parts of a recipe, each a flag of its own.
type recipeFlags struct{ set *pflag.FlagSet }

func addRecipeFlags(set *pflag.FlagSet) recipeFlags {
	for _, f := range image.Fields {
		if f.Name == "flip" {
			set.Bool(f.Name, false, f.Usage)
			continue
		}
		set.String(f.Name, "", f.Usage)
	}
	set.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "crops" {
			name = "crop"
		}
		return pflag.NormalizedName(name)
	})
	return recipeFlags{set}
}

// apply changes the recipe by the flags that are given. A new size takes the size before the crop along, in proportion, unless that is given too.
func (f recipeFlags) apply(r *image.Recipe) error {
	old := r.Size
	for _, field := range image.Fields {
		if !f.set.Changed(field.Name) {
			continue
		}
		if err := r.Set(field.Name, f.set.Lookup(field.Name).Value.String()); err != nil {
			return err
		}
	}
	if f.set.Changed("size") && !f.set.Changed("resize") {
		scale := func(n, by, over int) int { return int(math.Round(float64(n) * float64(by) / float64(over))) }
		r.Resize = image.Resize{
			Edge: scale(r.Resize.Edge, min(r.Size[0], r.Size[1]), min(old[0], old[1])),
			H:    scale(r.Resize.H, r.Size[0], old[0]),
			W:    scale(r.Resize.W, r.Size[1], old[1]),
		}
	}
	return r.Validate()
}
