package convert

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/weights"
)

// The recipe is that of the weights: by the digits in the file's name, by the file's digest, by a config.json of the same network, or the network's usual one.
func TestRecipe(t *testing.T) {
	bicubic := image.Torchvision(235, 224)
	bicubic.Interpolation = "bicubic"
	for name, c := range map[string]struct {
		network, file, digest, config string
		want                          image.Recipe
	}{
		"usual":              {network: "resnet50", file: "resnet50.pth", want: image.Torchvision(256, 224)},
		"V1":                 {network: "resnet50", file: "resnet50-0676ba61.pth", want: image.Torchvision(256, 224)},
		"V2":                 {network: "resnet50", file: "resnet50-11ad3fa6.pth", want: image.Torchvision(232, 224)},
		"V2, renamed":        {network: "resnet50", file: "weights.bin", digest: "11ad3fa6", want: image.Torchvision(232, 224)},
		"longer digits":      {network: "mnasnet0_5", file: "mnasnet0.5_top1_67.823-3ffadce67e.pth", want: image.Torchvision(256, 224)},
		"of another":         {network: "resnet101", file: "resnet50-11ad3fa6.pth", want: image.Torchvision(256, 224)},
		"Inception":          {network: "inception_v3", file: "inception.pth", want: image.Torchvision(342, 299)},
		"timm":               {network: "resnet50", file: "model.safetensors", config: `{"architecture": "resnet50", "pretrained_cfg": {"input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.95}}`, want: bicubic},
		"timm's VGG":         {network: "timm_vgg16", file: "model.safetensors", config: `{"architecture": "vgg16", "pretrained_cfg": {"input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.95}}`, want: bicubic},
		"another's config":   {network: "resnet18", file: "model.safetensors", config: `{"architecture": "resnet50", "pretrained_cfg": {"input_size": [3, 224, 224], "crop_pct": 0.95}}`, want: image.Torchvision(256, 224)},
		"no such config":     {network: "resnet18", file: "model.safetensors", config: `[1, 2]`, want: image.Torchvision(256, 224)},
		"digest over config": {network: "resnet50", file: "resnet50-11ad3fa6.pth", config: `{"architecture": "resnet50", "pretrained_cfg": {"input_size": [3, 224, 224], "crop_pct": 0.95}}`, want: image.Torchvision(232, 224)},
	} {
		t.Run(name, func(t *testing.T) {
			p := published{filepath.Join(t.TempDir(), c.file), func() (string, error) {
				return cmp.Or(c.digest, "none"), nil
			}}
			if c.config != "" {
				require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(p.path), "config.json"), []byte(c.config), 0o666))
			}
			g, err := arch.Build(c.network, arch.Options{})
			require.NoError(t, err)
			got, err := p.recipe(g)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}

	p := published{filepath.Join(t.TempDir(), "model.safetensors"), func() (string, error) { return "", os.ErrInvalid }}
	config := filepath.Join(filepath.Dir(p.path), "config.json")
	require.NoError(t, os.WriteFile(config, []byte(`{"architecture": "resnet18", "pretrained_cfg": {"input_size": [3, 224, 224], "crop_mode": "border"}}`), 0o666))
	g, err := arch.Build("resnet18", arch.Options{})
	require.NoError(t, err)
	_, err = p.recipe(g)
	require.ErrorContains(t, err, `crop_mode "border" is not known`)
	require.ErrorContains(t, err, config)
}

// Every network's usual recipe gives the size that it was made for.
func TestUsualRecipes(t *testing.T) {
	for _, name := range arch.Names() {
		g, err := arch.Build(name, arch.Options{})
		require.NoError(t, err)
		r := Recipe(g)
		require.NoError(t, r.Validate(), name)
		if name != "regnet_y_128gf" { // published for 384 x 384 first
			require.Equal(t, [2]int{g.Input.H, g.Input.W}, r.Size, name)
		}
	}
}

// Checkpoints as they are published: DenseNet with the names of 2017, GoogLeNet with its auxiliary classifiers under the name that tells transform_input.
func TestPublishedCheckpoints(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: writes 58 MB")
	}
	old := regexp.MustCompile(`(denselayer\d+\.(?:norm|relu|conv))([12]\.)`)
	src := seeded(t, "densenet121", func(tensors []weights.Tensor) []weights.Tensor {
		for i := range tensors {
			tensors[i].Name = old.ReplaceAllString(tensors[i].Name, "$1.$2")
		}
		return append(tensors, weights.Tensor{Name: "features.denseblock1.denselayer1.norm.1.num_batches_tracked", DType: "I64", Data: make([]byte, 8)})
	})
	dst := filepath.Join(t.TempDir(), "m.safetensors")
	r, err := Convert(t.Context(), src, dst, Options{DType: "f16"})
	require.NoError(t, err)
	require.Equal(t, "densenet121", r.Graph.Arch)
	require.Equal(t, []string{"features.denseblock1.denselayer1.norm1.num_batches_tracked"}, r.Dropped)
	_, ok := open(t, dst).Weight("features.denseblock4.denselayer16.norm2.running_var")
	require.True(t, ok)

	src = seeded(t, "googlenet", func(tensors []weights.Tensor) []weights.Tensor {
		return append(tensors, weights.Tensor{Name: "aux1.conv.conv.weight", DType: weights.F32, Shape: []int{128, 512, 1, 1}, Data: make([]byte, 4*128*512)},
			weights.Tensor{Name: "aux2.fc2.bias", DType: weights.F32, Shape: []int{1000}, Data: make([]byte, 4000)})
	})
	_, err = Convert(t.Context(), src, dst, Options{})
	require.ErrorContains(t, err, "googlenet_transform_input (transform_input, as torchvision's published weights need) alike: name one with --arch")
	named := filepath.Join(filepath.Dir(src), "googlenet-1378be20.pth")
	require.NoError(t, os.Rename(src, named))
	r, err = Convert(t.Context(), named, dst, Options{DType: "f16"})
	require.NoError(t, err)
	require.Equal(t, "googlenet_transform_input", r.Graph.Arch)
	require.Equal(t, []string{"aux1.conv.conv.weight", "aux2.fc2.bias"}, r.Dropped)
}
