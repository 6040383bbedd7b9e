// Package featx turns pictures into the activations of pre-trained convolutional networks.
//
// Open a model, choose layers, give pictures, get tensors:
//
//	m, err := featx.Open("resnet50.safetensors")           // a model file; "" is the network inside the package, "resnet50" one that was pulled
//	x, err := m.Extractor(featx.Options{Layers: []string{"layer3", "avgpool"}, Pool: featx.Avg})
//	out, err := x.Files("cat.jpg", "dog.png")              // or Images, or Tensor
//	fmt.Println(out[0].Dims)                               // [2 1024]: two pictures, 1024 channels of layer3
//
// The same model, picture and recipe give the same bytes on every CPU, with every instruction set, number of threads and batch size.
//
// A [Model] is shared by goroutines; each has an [Extractor] of its own, and the weights are in memory once. Model files are made by
// "featx convert" or by package tools/convert.
//
// Below lie the packages engine (graph, plan, run), engine/image (pictures and recipes), weights (model files), kernels (arithmetic) and sink (files of features).
package featx
