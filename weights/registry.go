package weights

import (
	"fmt"
	"strings"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/image"
)

// Entry is a published file of weights.
type Entry struct {
	Name    string       // "torchvision/resnet50", "keras/resnet50-notop", "hf:timm/resnet18.a1_in1k"
	Network string       // its builder (arch.Names); "" is recognised by the tensors
	Recipe  image.Recipe // the one that the weights were made with; the zero value is the network's usual one
	Bytes   int64        // of the file, about; 0 if unknown
	MD5     string       // in hex; "" where none is published
	SHA256  string       // in hex; torchvision publishes the first digits only, in the file's name
	URL     string
}

const (
	torchvisionURL = "https://download.pytorch.org/models/"
	kerasURL       = "https://storage.googleapis.com/tensorflow/keras-applications/"
	kerasOldURL    = "https://storage.googleapis.com/keras-applications/"
)

// Registry lists the weights that torchvision and Keras publish, in the order of its names' sources and families.
//
// Names are SOURCE/NETWORK. torchvision's first weights (IMAGENET1K_V1, what pretrained=True gave) have the bare name, later ones a suffix: resnet50-v2. Keras's names are its
// functions' in lower case; -notop is include_top=False.
func Registry() []Entry { return published }

// Lookup finds an entry by its name, whatever its case. A name without a source is looked for as torchvision spells it (resnet50, inception_v3), then as Keras does (InceptionV3,
// xception), and then without regard to underscores, if only one entry is meant.
func Lookup(name string) (Entry, error) {
	for _, key := range []func(string) string{strings.ToLower, func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }} {
		for _, source := range []string{"", "torchvision/", "keras/"} {
			var found []Entry
			for _, e := range published {
				if key(e.Name) == key(source+name) {
					found = append(found, e)
				}
			}
			switch len(found) {
			case 0:
			case 1:
				return found[0], nil
			default: // regnet_y_16gf and regnet_y_1_6gf
				return Entry{}, &UnknownModelError{name, []string{found[0].Name, found[1].Name}}
			}
		}
	}
	var known []string
	for _, e := range published {
		source, network, _ := strings.Cut(e.Name, "/")
		if strings.Contains(name, "/") {
			network = source + "/" + network
		}
		known = append(known, network)
	}
	return Entry{}, &UnknownModelError{name, engine.Nearest(name, known)}
}

// Published finds the weights of a network by their file's SHA-256, in hex, whole or its first eight digits or more; with "" those that were published first.
func Published(network, sha256 string) (Entry, bool) {
	for _, e := range published {
		if e.Network != network {
			continue
		}
		n := min(len(e.SHA256), len(sha256))
		if sha256 == "" || n >= 8 && e.SHA256[:n] == sha256[:n] {
			return e, true
		}
	}
	return Entry{}, false
}

// UnknownModelError names a model that the registry does not have, and the nearest that it has.
type UnknownModelError struct {
	Name    string
	Nearest []string
}

func (e *UnknownModelError) Error() string {
	hint := ""
	if len(e.Nearest) > 0 {
		hint = "; nearest: " + strings.Join(e.Nearest, ", ")
	}
	return fmt.Sprintf("unknown model %q%s; `featx models` lists those that can be pulled, and there is no file of that name", e.Name, hint)
}

// What the table's recipes are made of.

func torchvision(resize, crop int) image.Recipe { return image.Torchvision(resize, crop) }

func bicubic(r image.Recipe) image.Recipe {
	r.Interpolation = "bicubic"
	return r
}

func halves(r image.Recipe) image.Recipe {
	r.Mean, r.Std = [3]float32{0.5, 0.5, 0.5}, [3]float32{0.5, 0.5, 0.5}
	return r
}

// vgg16Features are the recipe's numbers of torchvision's IMAGENET1K_FEATURES: a mean, and a scale of 0..255.
func vgg16Features(r image.Recipe) image.Recipe {
	r.Mean, r.Std = [3]float32{0.48235, 0.45882, 0.40784}, [3]float32{1. / 255, 1. / 255, 1. / 255}
	return r
}

func keras(mode string, size int) image.Recipe { return image.Keras(mode, size) }
