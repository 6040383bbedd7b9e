// Package weights reads and writes featx's model file, and gets published weights.
//
//	m, err := weights.Open("resnet50.safetensors") // mapped; everything is checked before it is given out
//	defer m.Close()
//	m.Graph, m.Recipe, m.Source, m.Classes
//	m, err = weights.Find("resnet50")              // a path, the embedded model, or one in the cache
//	w, ok := m.Weight("layer1.0.conv1.weight")     // Model is an engine.WeightSource
//
// The files of the package:
//
//	safetensors.go   the container: any .safetensors file, every dtype
//	tensor.go        its tensors as numbers
//	file.go          the model file: open, check, close
//	write.go         and making one, in float32 or float16
//	embedded.go      the model inside the program
//	registry.go      the weights that torchvision and Keras publish: names, URLs, hashes, recipes (registry_table.go)
//	hub.go           Hugging Face repositories
//	pull.go          from a name to a model file in the cache: lock, download, verify, convert (the caller gives the conversion)
//	download.go      one file over HTTP: resume, retry, stall, disk
//	cache.go         the folder, its names and locks; finding a model by path or name
//
// # The model file
//
// A model file is a valid .safetensors file, so that Python reads it with the library that it already has. Its __metadata__ holds JSON in strings:
//
//	featx.version   the version of this layout, "1"
//	featx.graph     engine.Graph: nodes, layer names, aliases
//	featx.recipe    image.Recipe: from a picture to the input
//	featx.source    Source: where the weights came from
//	featx.classes   the classifier's class names, if they are known
//
// Tensors keep the names and the axes that their source gave them; each is F32 or F16, and there is none that the graph does not need.
// The data begin at a multiple of 64 bytes, F32 tensors first, so that every tensor can be used where it lies in the mapping.
package weights
