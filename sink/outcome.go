package sink

// Outcome is what became of one input: a row, a failure, or both where a row stands for a failure.
type Outcome struct {
	Path     string      // of the input, as the outputs name it
	Features [][]float32 // its values of each layer, in the order of the layers; nil is no row. Nothing is kept of it
	Failure  *Failure    // nil is none
}

// Failure says where an input failed, and why.
type Failure struct {
	Path  string
	Stage Stage
	Err   error // without the path
}

// Stage is what was being done.
type Stage string

const (
	Open    Stage = "open"    // the input is not there, may not be read, or is none
	Read    Stage = "read"    // its bytes cannot be read
	Decode  Stage = "decode"  // they are no picture, or a broken one, or too large a one
	Prepare Stage = "prepare" // the recipe does not fit
)

// Stages are all, in the order of the work.
var Stages = []Stage{Open, Read, Decode, Prepare}

func (f *Failure) Error() string { return f.Path + ": " + f.Err.Error() }

func (f *Failure) Unwrap() error { return f.Err }
