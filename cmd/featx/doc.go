// Command featx turns pictures into the activations of pre-trained convolutional networks.
//
//	featx extract [-m MODEL] [-l LAYER]... [--pool none|avg|max|gem] [-o FILE] [flags] PATH...
//	featx layers [MODEL]
//	featx plan [flags] [MODEL]
//	featx pca fit|show
//	featx models [PATTERN...]
//	featx pull NAME...
//	featx convert SRC DST
//	featx verify MODEL DUMP.npz
//	featx bench [MODEL]
//	featx info
//
// "featx help VERB" explains each. Results go to standard output or to the file of -o, errors to standard error. The exit status is 0 if all is done, 1 for a
// mistake in the command or in its surroundings, 2 if some of the inputs failed and the rest is done, 130 if it was interrupted.
package main
