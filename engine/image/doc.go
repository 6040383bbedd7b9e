// Package image turns a picture file into the numbers that a network was
// trained on: decode, resize, crop, scale and normalise, as Pillow and
// torchvision do it.
//
//	pic, err := image.DecodeFile("ship.jpg") // the pixels of Pillow's Image.open(f).convert("RGB")
//	recipe := image.Torchvision(256, 224)    // data: stored as JSON with a model
//	x := make([]float32, recipe.Len())
//	err = recipe.Apply(x, pic)               // height x width x 3, float32
//
// Every byte is Pillow's: of PNG, GIF, BMP, WebP, of JPEG (the inverse DCT, chroma upsampling and
// colour conversion are libjpeg-turbo's) and of every resampling filter, and the
// float32 values are torchvision's, on every CPU. The reference is Pillow 12; 13
// resizes the height first where that shrinks more than the width, which changes
// a few values by 1 of 255.
//
// Whoever prepares many pictures uses a [Preparer], which keeps its tables and
// buffers.
package image
