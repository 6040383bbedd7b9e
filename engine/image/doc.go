// Package image turns a picture file into the numbers that a network was
// trained on: decode, resize, crop, scale and normalise, as Pillow and
// torchvision do it.
//
//	pic, err := image.DecodeFile("ship.jpg") // the pixels of Pillow's Image.open(f).convert("RGB")
//	recipe := image.Torchvision(256, 224)    // data: stored as JSON with a model
//	x := make([]float32, recipe.Len())
//	err = recipe.Apply(x, pic)               // height x width x 3, float32
//
// PNG and every resampling filter give Pillow's bits. JPEG is within 3 of 255:
// the entropy coding and the inverse DCT are the standard library's, the chroma
// upsampling and the colour conversion are libjpeg-turbo's. The same picture and
// recipe give the same bits on every CPU.
//
// Whoever prepares many pictures uses a [Preparer], which keeps its tables and
// buffers.
package image
