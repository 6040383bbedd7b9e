// Layerhash runs a stock network with seeded weights on one seeded picture and prints a line for every layer: the SHA-256 of its bytes, its
// shape and its name. `make arm-bytes` compares the lines of two architectures.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/kernels"
)

func main() {
	network := flag.String("network", "resnet50", "name of a stock network")
	size := flag.Int("size", 0, "height and width of the picture, at most those of the network, which are the default")
	isaName := flag.String("isa", "", "instruction set (default: "+kernels.EnvISA+", or else the best)")
	flag.Parse()
	if err := run(*network, *size, *isaName); err != nil {
		fmt.Fprintln(os.Stderr, "layerhash:", err)
		os.Exit(1)
	}
}

func run(network string, size int, isaName string) error {
	isa, err := kernels.Select(isaName)
	if err != nil {
		return err
	}
	g, err := arch.Build(network, arch.Options{})
	if err != nil {
		return err
	}
	if size == 0 {
		size = g.Input.H
	}
	if size < 1 || size > min(g.Input.H, g.Input.W) {
		return fmt.Errorf("-size %d: %s has pictures of up to %d x %d", size, network, g.Input.H, g.Input.W)
	}
	weights, err := arch.Seeded(g, 0)
	if err != nil {
		return err
	}
	m, err := engine.NewModel(g, weights, isa)
	if err != nil {
		return err
	}
	plan, err := m.Plan(engine.PlanOptions{Layers: []string{"*"}, Size: [2]int{size, size}, Batch: 1})
	if err != nil {
		return err
	}
	r := plan.NewRunner(runtime.GOMAXPROCS(0))
	defer r.Close()
	if err := r.Run(1, arch.SeededInput(g, 0)[:plan.InputShape().Elements()]); err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for i, layer := range plan.Outputs() {
		var bytes []byte
		for _, v := range r.Output(i) {
			bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(v))
		}
		fmt.Fprintf(out, "%x %v %s\n", sha256.Sum256(bytes), layer.Shape, layer.Name)
	}
	return out.Flush()
}
