package arch

import "github.com/featx-go/featx/engine"

// squeezeExcitation is torchvision.ops.SqueezeExcitation (Hu et al. 2017): each channel is multiplied by a factor that two 1x1 convolutions make of the means of all channels.
// act follows the first, scale the second.
func (t torch) squeezeExcitation(name, x string, channels, squeezed int, act, scale engine.Op) string {
	s := t.globalPool(name+".avgpool", x)
	s = t.conv(name+".fc1", s, squeezed, 1, 1, 0, true)
	s = t.Add(name+".activation", act, s)
	s = t.conv(name+".fc2", s, channels, 1, 1, 0, true)
	s = t.Add(name+".scale_activation", scale, s)
	return t.Add(name+".mul", &engine.Arithmetic{Func: engine.Mul}, s, x)
}
