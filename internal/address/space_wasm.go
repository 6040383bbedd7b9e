package address

import "math"

// Space is that of 32 bits: addresses of WebAssembly have no more, though Go's int has 64.
const Space = math.MaxInt32
