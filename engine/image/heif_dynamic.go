//go:build heif && !nodynamic

package image

// Without the tag nodynamic the decoders would be linked with the system's C library.
var _ = theBuildTagHeifNeedsTheTagNodynamicBesideIt
