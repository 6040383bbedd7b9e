package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

func init() {
	add := func(name string, c convnextConfig) {
		kerasBuilders[name] = func(o KerasOptions) *engine.Graph { return kerasConvNeXt(name, c, o) }
	}
	for name, c := range convnexts {
		add(name, c)
	}
	add("convnext_xlarge", convnextConfig{channels: [4]int{256, 512, 1024, 2048}, blocks: [4]int{3, 3, 27, 3}})
}

// kerasConvNeXt is keras/src/applications/convnext.py, with the configurations of torchvision's. Layers of its nested models are called MODEL/LAYER.
func kerasConvNeXt(name string, c convnextConfig, o KerasOptions) *engine.Graph {
	k := newKeras(224)
	conv := func(layer, x string, filters, size int) string {
		return k.conv(layer, x, filters, square(size), kerasConv{stride: square(size), valid: true})
	}
	layerNorm := func(layer, x string) string {
		return k.Add(layer, &engine.LayerNorm{Eps: 1e-6, Gamma: layer + "/gamma", Beta: layer + "/beta"}, x)
	}
	x := k.normalization(name+"_prestem_normalization", engine.InputName, 255)
	for stage, channels := range c.channels {
		if stage == 0 {
			model := name + "_stem"
			x = conv(model+"/"+name+"_stem_conv", x, channels, 4)
			x = layerNorm(model+"/"+name+"_stem_layernorm", x)
			k.Alias(model, x)
		} else {
			model := fmt.Sprintf("%s_downsampling_block_%d", name, stage-1)
			x = layerNorm(fmt.Sprintf("%s/%s_downsampling_layernorm_%d", model, name, stage-1), x)
			x = conv(fmt.Sprintf("%s/%s_downsampling_conv_%d", model, name, stage-1), x, channels, 2)
			k.Alias(model, x)
		}
		for i := range c.blocks[stage] {
			block := fmt.Sprintf("%s_stage_%d_block_%d_", name, stage, i)
			w := engine.Square(7, 1, 0)
			w.Same = true
			y := k.Add(block+"depthwise_conv", &engine.Conv2D{Window: w, OutC: channels, Groups: channels,
				Weight: block + "depthwise_conv/kernel", Bias: block + "depthwise_conv/bias"}, x)
			y = layerNorm(block+"layernorm", y)
			y = k.dense(block+"pointwise_conv_1", y, 4*channels, nil)
			y = k.Add(block+"gelu", &engine.Activation{Func: engine.GELU}, y)
			y = k.dense(block+"pointwise_conv_2", y, channels, nil)
			y = k.Add(block+"layer_scale", &engine.Scale{Scale: block + "layer_scale/gamma"}, y)
			y = k.Add(block+"identity", &engine.Identity{}, y)
			x = k.add(k.next("add"), x, y)
		}
	}
	if o.NoTop {
		return k.finish(layerNorm("layer_normalization", x))
	}
	x = k.globalPool(name+"_head_gap", x)
	features := layerNorm(name+"_head_layernorm", x)
	k.dense(name+"_head_dense", features, o.Classes, softmax())
	return k.finish(features)
}
