package image_test

import (
	"fmt"
	"log"

	"github.com/featx-go/featx/engine/image"
)

func Example() {
	pic, err := image.DecodeFile("../../testdata/images/ship.jpg")
	if err != nil {
		log.Fatal(err)
	}
	recipe := image.Torchvision(256, 224)
	x := make([]float32, recipe.Len())
	if err := recipe.Apply(x, pic); err != nil {
		log.Fatal(err)
	}
	fmt.Println(pic.Bounds(), len(x) == 224*224*3)
	// Output: (0,0)-(500,375) true
}
