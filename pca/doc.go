// Package pca fits principal component analyses of features, with or without whitening, keeps them in .safetensors files, and projects rows on them.
//
// Sums are float64, every product and sum rounded in a fixed order, so that the same rows give the same file, and a file and a row the same projection, on every CPU and with any number of threads.
package pca
