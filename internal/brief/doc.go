// Package brief puts names into a line that people read.
package brief
