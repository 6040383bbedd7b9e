// Package arch builds the graphs of the stock networks, each in its framework's own terms and layer names.
//
// A builder is a function in the file of its family; the table in arch.go lists it under its name. To add a network, write its builder as the
// framework's forward function reads, list it, and add it to the goldens.
package arch
