package engine

var usualLargeMap = largeMap

// SetBandRows limits the bands of plans that are made from now on, and lets Winograd's steps join them whatever their maps' size; 0 is the usual.
func SetBandRows(n int) {
	bandRows, largeMap = n, 0
	if n == 0 {
		bandRows, largeMap = maxExtent, usualLargeMap
	}
}

// LongestBand is the members of a plan's largest group of steps.
func LongestBand(p *Plan) (members int) {
	for _, s := range p.stages {
		if b, ok := s.step.(*bandStep); ok {
			members = max(members, len(b.members))
		}
	}
	return members
}
