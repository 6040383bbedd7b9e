package featx_test

import (
	"fmt"
	"image/jpeg"
	"log"
	"os"
	"slices"

	"github.com/featx-go/featx"
)

// The features of a picture file: the layer before the classifier.
func Example() {
	m, err := featx.Open("") // the embedded model; or the path of a model file
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	x, err := m.Extractor(featx.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer x.Close()
	out, err := x.Files("testdata/images/ship.jpg")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(x.Layers()[0].Name, out[0].Dims, len(out[0].Data))
	// Output: flatten [1 64] 64
}

// Several layers in one pass, maps pooled to one value per channel; names, aliases, patterns and indices work.
func ExampleModel_Extractor() {
	m, err := featx.Open(featx.EmbeddedName)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	x, err := m.Extractor(featx.Options{
		Layers:  []string{"conv1", "layer2", "layer3.*.add", "-1"},
		Pool:    featx.GeM,
		Threads: 2,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer x.Close()
	for _, l := range x.Layers() {
		fmt.Println(l.Name, l.Dims)
	}
	// Output:
	// conv1 [16]
	// layer2 [32]
	// layer3.0.add [64]
	// layer3.1.add [64]
	// layer3.2.add [64]
	// linear [10]
}

// Pictures that a program already has, at another size than the network was made for.
func ExampleExtractor_Images() {
	f, err := os.Open("testdata/images/ship.jpg")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	picture, err := jpeg.Decode(f)
	if err != nil {
		log.Fatal(err)
	}
	m, err := featx.Open("")
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	recipe := m.Recipe()
	recipe.Size, recipe.Resize.H, recipe.Resize.W = [2]int{48, 64}, 48, 64 // height, width
	x, err := m.Extractor(featx.Options{Layers: []string{"layer3"}, Recipe: &recipe})
	if err != nil {
		log.Fatal(err)
	}
	defer x.Close()
	out, err := x.Images(picture, picture)
	if err != nil {
		log.Fatal(err)
	}
	half := len(out[0].Data) / 2
	fmt.Println(out[0].Dims, slices.Equal(out[0].Data[:half], out[0].Data[half:]))
	// Output: [2 64 12 16] true
}

// Values that are already preprocessed, in the axes of the model's framework.
func ExampleExtractor_Tensor() {
	m, err := featx.Open("")
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	x, err := m.Extractor(featx.Options{Layers: []string{"relu"}})
	if err != nil {
		log.Fatal(err)
	}
	defer x.Close()
	fmt.Println("input", x.InputDims())
	out, err := x.Tensor(featx.Tensor{Dims: []int{5, 3, 32, 32}, Data: make([]float32, 5*3*32*32)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("relu", out[0].Dims)
	// Output:
	// input [3 32 32]
	// relu [5 16 32 32]
}
