package weights

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/engine/image"
)

func TestRegistry(t *testing.T) {
	unpublished := []string{"keras/mobilenet", "keras/mobilenet-notop", "keras/mobilenetv2", "keras/mobilenetv2-notop"}
	names, files := map[string]bool{}, map[string]bool{}
	for _, e := range Registry() {
		require.False(t, names[e.Name], e.Name)
		require.Equal(t, strings.ToLower(e.Name), e.Name)
		names[e.Name] = true
		found, err := Lookup(e.Name)
		require.NoError(t, err)
		require.Equal(t, e, found)
		require.False(t, files[e.file()], "a mirror knows files by their names: %s", e.file())
		files[e.file()] = true
		location, err := url.Parse(e.URL)
		require.NoError(t, err)
		require.Equal(t, "https", location.Scheme, e.Name)
		require.NoError(t, e.Recipe.Validate(), e.Name)
		require.Greater(t, e.Bytes, int64(3e6), e.Name)
		require.Empty(t, strings.Trim(e.MD5+e.SHA256, "0123456789abcdef"), e.Name)
		require.Equal(t, slices.Contains(unpublished, e.Name), e.MD5+e.SHA256 == "", e.Name)
		require.True(t, e.MD5 == "" || len(e.MD5) == 32, e.Name)
		if strings.HasPrefix(e.Name, "torchvision/") {
			require.GreaterOrEqual(t, len(e.SHA256), 8, e.Name)
			require.True(t, strings.HasSuffix(e.URL, "-"+e.SHA256+".pth"), e.Name)
		}
	}
	require.GreaterOrEqual(t, len(names), 170)
}

func TestLookup(t *testing.T) {
	for name, want := range map[string]string{
		"resnet50":              "torchvision/resnet50",
		"ResNet50":              "torchvision/resnet50",
		"resnet50-v2":           "torchvision/resnet50-v2",
		"resnet50v2":            "keras/resnet50v2",
		"inception_v3":          "torchvision/inception_v3",
		"InceptionV3":           "keras/inceptionv3",
		"keras/inception_v3":    "keras/inceptionv3",
		"Keras/VGG16-notop":     "keras/vgg16-notop",
		"xception":              "keras/xception",
		"nasnet_mobile":         "keras/nasnetmobile",
		"squeezenet11":          "torchvision/squeezenet1_1",
		"EfficientNetB0":        "keras/efficientnetb0",
		"NASNetMobile-notop":    "keras/nasnetmobile-notop",
		"vgg16-features":        "torchvision/vgg16-features",
		"torchvision/densenet1": "",
		"keras/resnet18":        "",
		"":                      "",
	} {
		e, err := Lookup(name)
		if want == "" {
			require.ErrorContains(t, err, "unknown model", name)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, want, e.Name, name)
	}
	_, err := Lookup("keras/resnet51")
	require.ErrorContains(t, err, "nearest: keras/resnet50")
	_, err = Lookup("resnet51")
	require.ErrorContains(t, err, "nearest: resnet50")

	_, err = Lookup("RegNetY16GF")
	require.ErrorContains(t, err, "nearest: torchvision/regnet_y_1_6gf, torchvision/regnet_y_16gf")

	e, err := Lookup("resnet50-v2")
	require.NoError(t, err)
	require.Equal(t, image.Torchvision(232, 224), e.Recipe)
	e, err = Lookup("keras/vgg16")
	require.NoError(t, err)
	require.Equal(t, "64373286793e3c8b2b4e3219cbf3544b", e.MD5)
	require.Equal(t, "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5", e.URL)

	// preprocess_input of a white pixel, by hand.
	white := image.NewRGB(1, 1)
	copy(white.Pix, []byte{255, 255, 255})
	for name, want := range map[string][3]float32{
		"keras/vgg16":          {255 - 103.939, 255 - 116.779, 255 - 123.68},
		"keras/resnet50v2":     {1, 1, 1},
		"keras/efficientnetb0": {255, 255, 255},
		"keras/densenet121":    {(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225},
		"vgg16-features":       {255 * (1 - 0.48235), 255 * (1 - 0.45882), 255 * (1 - 0.40784)},
		"efficientnet_v2_l":    {1, 1, 1},
	} {
		e, err := Lookup(name)
		require.NoError(t, err)
		r := e.Recipe
		r.Size, r.Resize = [2]int{1, 1}, image.Resize{H: 1, W: 1}
		var got [3]float32
		require.NoError(t, r.Apply(got[:], white))
		require.InDeltaSlice(t, want[:], got[:], 1e-4, name)
	}
}

// Every network of the registry can be built.
func TestRegistryNetworks(t *testing.T) {
	for _, e := range Registry() {
		var g *engine.Graph
		var err error
		if strings.HasPrefix(e.Name, "keras/") {
			g, err = arch.BuildKeras(e.Network, arch.KerasOptions{NoTop: strings.HasSuffix(e.Name, "-notop")})
		} else {
			g, err = arch.Build(e.Network, arch.Options{})
		}
		require.NoError(t, err, e.Name)
		require.Equal(t, g.Layout == engine.NHWC, strings.HasPrefix(e.Name, "keras/"), e.Name)
		size := engine.Shape{H: e.Recipe.Size[0], W: e.Recipe.Size[1], C: 3}
		if g.Layout == engine.NHWC {
			require.Equal(t, size, g.Input, e.Name)
		}
		_, err = g.Infer(size)
		require.NoError(t, err, e.Name)
	}
}
