package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/kernels"
)

func main() {
	network := flag.String("network", "resnet50", "name of a stock network")
	threads := flag.Int("threads", 1, "threads")
	batch := flag.Int("batch", 1, "pictures of one run; picture i is arch.SeededInput with seed i")
	isaName := flag.String("isa", "", "instruction set (default: "+kernels.EnvISA+", or else the best)")
	flag.Parse()
	if err := run(*network, *threads, *batch, *isaName); err != nil {
		fmt.Fprintln(os.Stderr, "netbench:", err)
		os.Exit(1)
	}
}

type param struct {
	Tensor string `json:"tensor"`
	Shape  []int  `json:"shape"`
}

type about struct {
	ISA    string           `json:"isa"`
	Graph  *engine.Graph    `json:"graph"`
	Params []param          `json:"params"`
	Shapes map[string][]int `json:"shapes"` // of one picture, by node
}

func describe(g *engine.Graph, isa kernels.ISA) (*about, error) {
	a := &about{ISA: isa.String(), Graph: g, Shapes: map[string][]int{engine.InputName: g.Input.Dims(g.Layout)}}
	shapes, err := g.Infer(g.Input)
	if err != nil {
		return nil, err
	}
	for i, n := range g.Nodes {
		a.Shapes[n.Name] = shapes[i].Dims(g.Layout)
	}
	params, err := g.Params()
	for _, p := range params {
		a.Params = append(a.Params, param(p))
	}
	return a, err
}

func run(network string, threads, batch int, isaName string) error {
	isa, err := kernels.Select(isaName)
	if err != nil {
		return err
	}
	g, err := arch.Build(network, arch.Options{})
	if err != nil {
		return err
	}
	a, err := describe(g, isa)
	if err != nil {
		return err
	}
	weights, err := arch.Seeded(g, 0)
	if err != nil {
		return err
	}
	m, err := engine.NewModel(g, weights, isa)
	if err != nil {
		return err
	}
	plan, err := m.Plan(engine.PlanOptions{Layers: []string{"-1"}, Batch: batch})
	if err != nil {
		return err
	}
	r := plan.NewRunner(threads)
	defer r.Close()
	var input []float32
	for i := range plan.Batch() {
		input = append(input, arch.SeededInput(g, uint64(i))...)
	}

	answers := json.NewEncoder(os.Stdout)
	if err := answers.Encode(a); err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var answer any
		switch lines.Text() {
		case "run":
			start := time.Now()
			if err := r.Run(plan.Batch(), input); err != nil {
				return err
			}
			answer = time.Since(start).Nanoseconds()
		case "output":
			answer = r.Output(0)
		default:
			return fmt.Errorf("unknown request %q: want run or output", lines.Text())
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
	return nil
}
