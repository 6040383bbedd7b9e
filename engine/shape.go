package engine

// OutputShape is the shape that an operation gives inputs of the shapes; errors say what does not fit. For whoever builds a graph node by node.
func OutputShape(op Op, in ...Shape) (Shape, error) {
	if err := op.validate(); err != nil {
		return Shape{}, err
	}
	out, err := op.infer(in)
	if err == nil {
		err = out.check()
	}
	return out, err
}
