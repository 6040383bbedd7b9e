package main

import (
	"bytes"
	"fmt"
	stdjpeg "image/jpeg"
	"os"
	"slices"
	"time"

	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/kernels"
)

// decoding measures pictures that are in memory on one thread: milliseconds of one, decoded by the standard library (JPEG alone, without RGB) and by each instruction set, and
// prepared for a network (torchvision's recipe); fast is with image.Decoder.Reduce. peer_pillow.py is the same with Pillow.
func decoding(paths []string, rounds int) error {
	var pictures [][]byte
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pictures = append(pictures, data)
	}
	recipe := image.Torchvision(256, 224)
	p, err := recipe.Preparer()
	if err != nil {
		return err
	}
	x := make([]float32, recipe.Len())
	measure := func(name string, one func(data []byte) error) error {
		var times []float64
		for range rounds + 1 {
			start := time.Now()
			for i, data := range pictures {
				if err := one(data); err != nil {
					return fmt.Errorf("%s: %w", paths[i], err)
				}
			}
			times = append(times, 1e3*time.Since(start).Seconds()/float64(len(pictures)))
		}
		times = times[1:] // the first warms up
		slices.Sort(times)
		fmt.Printf("%-28s %6.2f ms\n", name, times[len(times)/2])
		return nil
	}
	err = measure("Go's image/jpeg, decoded", func(data []byte) error {
		_, err := stdjpeg.Decode(bytes.NewReader(data))
		return err
	})
	for _, isa := range kernels.All() {
		p.Use(isa)
		for _, work := range []struct {
			name    string
			reduce  image.Resize
			prepare bool
		}{{"decoded", image.Resize{}, false}, {"prepared", image.Resize{}, true}, {"prepared, fast", recipe.Resize, true}} {
			d := image.Decoder{ISA: isa.String(), Reduce: work.reduce}
			if err == nil {
				err = measure(fmt.Sprintf("featx %s, %s", isa, work.name), func(data []byte) error {
					m, err := d.Decode(bytes.NewReader(data))
					if err == nil && work.prepare {
						err = p.Apply(x, m)
					}
					return err
				})
			}
		}
	}
	return err
}
