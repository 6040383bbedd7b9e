package keras

import (
	"strings"

	"github.com/featx-go/featx/engine/image"
)

// The modes of keras.applications' preprocess_input, as image.Keras has them.
const (
	modeRaw   = "raw"   // 0..255: the network itself rescales
	modeTF    = "tf"    // -1..1
	modeTorch = "torch" // 0..1, ImageNet's mean and standard deviation
	modeCaffe = "caffe" // 0..255, BGR, ImageNet's mean subtracted
)

// families are the beginnings of the names of keras.applications, in small letters without - and _, the first that fits: its models are called
// "MobileNetV3Small" and "efficientnetv2-s", the builders of engine/arch mobilenet_v3_small and efficientnetv2s.
var families = []struct {
	prefix, mode string
	size         int
}{
	{"vgg16", modeCaffe, 224}, {"vgg19", modeCaffe, 224},
	{"resnet50v2", modeTF, 224}, {"resnet101v2", modeTF, 224}, {"resnet152v2", modeTF, 224},
	{"resnet", modeCaffe, 224},
	{"inceptionresnetv2", modeTF, 299}, {"inceptionv3", modeTF, 299}, {"xception", modeTF, 299},
	{"mobilenetv3", modeRaw, 224}, {"mobilenet", modeTF, 224},
	{"densenet", modeTorch, 224},
	{"nasnetlarge", modeTF, 331}, {"nasnet", modeTF, 224},
	{"efficientnetv2b1", modeRaw, 240}, {"efficientnetv2b2", modeRaw, 260}, {"efficientnetv2b3", modeRaw, 300}, {"efficientnetv2s", modeRaw, 384},
	{"efficientnetv2m", modeRaw, 480}, {"efficientnetv2l", modeRaw, 480}, {"efficientnetb1", modeRaw, 240}, {"efficientnetb2", modeRaw, 260},
	{"efficientnetb3", modeRaw, 300}, {"efficientnetb4", modeRaw, 380}, {"efficientnetb5", modeRaw, 456}, {"efficientnetb6", modeRaw, 528}, {"efficientnetb7", modeRaw, 600},
	{"efficientnet", modeRaw, 224}, {"convnext", modeRaw, 224},
	{"squeezenet", modeCaffe, 227},
}

// recipeFor is the recipe of a network by its name: pictures loaded as keras.utils.load_img does (nearest pixels, without regard to the proportions) and
// prepared as the network's preprocess_input does. Of unknown networks it is 0..255 at 224 x 224.
func recipeFor(name string) image.Recipe {
	if recipe, ok := familyRecipe(name); ok {
		return recipe
	}
	return image.Keras(modeRaw, 224)
}

// familyRecipe is the recipe of a network of keras.applications.
func familyRecipe(name string) (image.Recipe, bool) {
	name = strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
	for _, f := range families {
		if strings.HasPrefix(name, f.prefix) {
			return image.Keras(f.mode, f.size), true
		}
	}
	return image.Recipe{}, false
}

// recipeOf chooses the recipe of a model with a config: by the name of the model, or of the first one in it that is known, unless the model itself
// begins with arithmetic on the pixels.
func recipeOf(t *topology) image.Recipe {
	if recipe, ok := familyRecipe(t.name); ok {
		return recipe
	}
	for _, l := range t.layers {
		switch {
		case l.inner != nil:
			return recipeOf(l.inner)
		case l.class == "InputLayer" || strings.HasPrefix(l.class, "Random"):
		case l.class == "Rescaling" || l.class == "Normalization" || l.operator || strings.Contains(l.class, "Lambda") || l.class == "TensorFlowOpLayer":
			size := image.Keras(modeRaw, 224)
			for _, rest := range t.layers {
				if rest.inner != nil {
					size.Size = recipeOf(rest.inner).Size
				}
			}
			return size
		}
	}
	return image.Keras(modeRaw, 224)
}
