// Package keras reads Keras's model files: the network from the config that the file holds, and its weights.
//
//	f, err := keras.Read(data, keras.Options{}) // data is the mapped file
//	f.Graph, f.Recipe
//	for _, t := range f.Tensors {
//		w, err := t.Fetch()                     // name, dtype, shape and row-major bytes
//	}
//
//	keras.go       what the user gets
//	hdf5.go        HDF5 files: whole models and weights alone, of Keras 1, 2 and 3
//	archive.go     .keras archives
//	tfjs.go        TensorFlow.js layers models
//	config.go      a config as layers and their calls, in the spellings of Keras 1, 2 and 3
//	build.go       layers and calls as a graph
//	layers.go      what each layer class is in the engine's operations
//	activation.go  activations, inside layers and as layers
//	operators.go   Keras 3's operations and the TensorFlow functions that Keras 2 wrapped in layers
//	weights.go     which stored weight is whose
//	recipe.go      preprocessing, by the network
//	hdf5/          the container
//
// # Names
//
// A node has its layer's name. What a layer does before its activation is NAME/linear, the first half of a separable convolution NAME/depthwise. The layers of a model in a
// model are OUTER/INNER; OUTER itself means its output, and INNER alone does where it is unique. A layer that is called again is NAME:1, NAME:2. Tensors are called
// LAYER/WEIGHT: conv1/kernel.
//
// # What a config means
//
// Padding "same" stays a rule in the graph, so that other picture sizes are padded as Keras would. A model that leaves height and width open gets the usual size of its
// network. Layers that only training needs pass their input on. What is not supported is listed, all layers at once. Lambda layers hold Python code, which is not run.
//
// Files without a config are recognised by their layers' names and shapes (arch.RecogniseKeras).
package keras
