// Package source lists what is to be extracted: a stream of items in a fixed order, of which never more is in memory than is needed to keep that order.
//
// A new kind of input is a Source of its own, and a case in open.
package source
