package convert

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/weights"
)

// Recipe is the recipe that the network's weights were made with that were published first (torchvision's IMAGENET1K_V1).
func Recipe(g *engine.Graph) image.Recipe {
	switch e, ok := weights.Published(g.Arch, ""); {
	case ok:
		return e.Recipe
	case strings.HasPrefix(g.Arch, "cifar_"):
		return image.CIFAR()
	case g.Arch == "inception_v3":
		return image.Torchvision(342, g.Input.H)
	case g.Arch == "resnet50d":
		r := image.Torchvision(256, g.Input.H)
		r.Interpolation = "bicubic"
		return r
	}
	return image.Torchvision(256, g.Input.H)
}

// published looks a file up among the published weights: by the digits of the SHA-256 that torchvision's file names end with, or by its content.
type published struct {
	path   string
	digest func() (string, error)
}

var digits = regexp.MustCompile(`-([0-9a-f]{8,64})\.[^.]+$`)

func (p published) find(networks ...string) (weights.Entry, bool) {
	var sums []string
	if m := digits.FindStringSubmatch(filepath.Base(p.path)); m != nil {
		sums = append(sums, m[1])
	}
	if sum, err := p.digest(); err == nil {
		sums = append(sums, sum)
	}
	for _, sum := range sums {
		for _, n := range networks {
			if e, ok := weights.Published(n, sum); ok {
				return e, true
			}
		}
	}
	return weights.Entry{}, false
}

// recipe is that of the published weights if the file is theirs, that of a config.json beside it if it is of the same network (timm's repositories
// have one), or else the network's usual one.
func (p published) recipe(g *engine.Graph) (image.Recipe, error) {
	if e, ok := p.find(g.Arch); ok {
		return e.Recipe, nil
	}
	beside := filepath.Join(filepath.Dir(p.path), "config.json")
	if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() && info.Size() < 1<<20 {
		data, err := os.ReadFile(beside)
		if err != nil {
			return image.Recipe{}, err
		}
		network, r, err := weights.ReadHubConfig(data)
		if network == g.Arch && err != nil {
			return r, fmt.Errorf("%s: %w", beside, err)
		}
		if network == g.Arch && r.Size != [2]int{} {
			return r, nil
		}
	}
	return Recipe(g), nil
}
