// Pipeline measures how near the whole work, from files to features, comes to its parts: only decoding and preparing pictures, only the network (seeded weights), and
// package pipeline, each on the same number of threads, in turns.
//
//	go run ./bench/pipeline [-network resnet18] [-pictures 1000] [-threads 0] [-batch 8] [-rounds 3] FOLDER
//
// The pictures are those of FOLDER, again and again. Rates are pictures a second. The bound is what cores that share both works could reach at most:
// 1 / (1/decode + 1/network). peer_torch.py is the same work with PyTorch and torchvision. With -decode it is only decoding and preparing, on one thread, which
// peer_pillow.py does with Pillow.
package main
