"""ONNX files by their real exporters, with what ONNX Runtime computes: what tools/convert/onnx is compared with.

    python3 make.py torch [FOLDER]     torchvision's networks and small ones by PyTorch's exporters: up to 2.8 the one that traces, with opsets 9 to 16; from 2.9 the newer one
    python3 make.py keras [FOLDER]     Keras's networks and small ones by tf2onnx and by Keras 3's own exporter
    (files that are there already are kept)
    python3 make.py expect [FOLDER]    NAME.expected.safetensors of every NAME.onnx there: a seeded input, and all outputs by ONNX Runtime

FOLDER is by default ~/.cache/featx-golden/onnx. Each step needs its own packages: torch and torchvision (made with Debian's 1.13 and 0.14, and with 2.15 and 0.29);
tensorflow-cpu and tf2onnx (2.21, 1.17); onnxruntime (1.32). Weights are random but seeded. "small" networks are written to the folder of this script if it
is the FOLDER: these are committed.
"""
import glob
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "golden"))


def strip(path, external):
    """Takes out where in the source each node was made: it names folders of this machine, and is half of a small file."""
    import onnx

    model = onnx.load(path)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in list(model.graph.value_info) + list(model.graph.input) + list(model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    onnx.save(model, path, save_as_external_data=external, location=os.path.basename(path) + ".data", size_threshold=1024)


def make_torch(folder, only_small):
    import torch
    import torchvision
    from torch import nn

    torch.set_num_threads(1)
    version = tuple(int(v) for v in torch.__version__.split("+")[0].split(".")[:2] if v.isdigit())
    new = version >= (2, 9)
    tag = "dynamo" if new else "trace"

    class Gated(nn.Module):
        """What the parts of newer networks become: SE, channel shuffle, interpolation, split, pixel shuffle, group norm."""

        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 16, 3, stride=2, padding=1)
            self.norm = nn.GroupNorm(4, 16)
            self.down, self.up = nn.Conv2d(16, 4, 1), nn.Conv2d(4, 16, 1)
            self.branch = nn.Conv2d(8, 8, 3, padding=1, groups=8)
            self.prelu = nn.PReLU(16)
            self.deconv = nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1)
            self.shuffle = nn.PixelShuffle(2)
            self.fc = nn.Linear(2 + 8, 10)

        def forward(self, x):
            x = nn.functional.silu(self.norm(self.stem(x)))
            s = nn.functional.adaptive_avg_pool2d(x, 1)
            x = x * torch.sigmoid(self.up(nn.functional.hardswish(self.down(s))))
            a, b = x.chunk(2, dim=1)
            x = torch.cat([a, self.branch(b)], 1)
            n, c, h, w = x.shape
            x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
            x = self.prelu(x)
            x = x + nn.functional.interpolate(nn.functional.max_pool2d(x, 2), scale_factor=2, mode="nearest")
            y = nn.functional.interpolate(self.deconv(x), size=(9, 7), mode="bilinear", align_corners=False)
            z = self.shuffle(nn.functional.pad(x[:, :8], (1, 2, 0, 1), mode="reflect"))
            f = torch.cat([torch.flatten(y.mean((2, 3)), 1), z.amax((2, 3))], 1)
            return torch.log_softmax(self.fc(f), 1), nn.functional.gelu(z)

    class Classic(nn.Module):
        """BatchNorm kept, LRN, average pooling with and without its padding, ceil_mode, view, ELU, a bias by MatMul."""

        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(3, 8, 5, padding=2, bias=False), nn.BatchNorm2d(8), nn.LeakyReLU(0.2), nn.LocalResponseNorm(3),
                                          nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(3, 1, 1, count_include_pad=False), nn.Conv2d(8, 12, 3, dilation=2), nn.ELU(),
                                          nn.AvgPool2d(2, 2, ceil_mode=True), nn.Softplus(), nn.InstanceNorm2d(12, affine=True), nn.ReflectionPad2d(1), nn.Hardsigmoid())
            self.norm = nn.LayerNorm(12)
            self.fc = nn.Linear(12 * 8 * 8, 9)

        def forward(self, x):
            x = self.features((x - 0.45) / 0.225)
            x = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            x = nn.functional.dropout(torch.clamp(x, -1.5, 2.5), training=self.training)
            return nn.functional.softmax(self.fc(x.reshape(x.shape[0], -1)), dim=-1)

    def randomise(model):
        """Running statistics and affine parameters that are not 0 and 1."""
        g = torch.Generator().manual_seed(7)
        for m in model.modules():
            for name, low, high in [("running_mean", -0.1, 0.1), ("running_var", 0.5, 1.5)]:
                if getattr(m, name, None) is not None:
                    getattr(m, name).copy_(torch.rand(getattr(m, name).shape, generator=g) * (high - low) + low)
            if isinstance(m, (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)) and m.weight is not None:
                m.weight.data.copy_(torch.rand(m.weight.shape, generator=g) * 0.5 + 0.5)
                m.bias.data.copy_(torch.rand(m.bias.shape, generator=g) * 0.4 - 0.2)
        return model.eval()

    def export(name, model, size, opset, dynamic=False, keep_norm=False):
        path = os.path.join(folder, f"{name}.{tag}{opset}{'.dynamic' if dynamic else ''}{'.norm' if keep_norm else ''}.onnx")
        if os.path.exists(path):
            return
        torch.manual_seed(1)
        x = torch.rand(2, 3, size, size)
        names = {"input_names": ["image"], "output_names": None}
        with torch.no_grad():
            if new:
                shapes = ({0: torch.export.Dim("batch"), 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO},) if dynamic else ({0: torch.export.Dim("batch")},)
                program = torch.onnx.export(model, (x,), dynamo=True, opset_version=opset, dynamic_shapes=shapes, verbose=False, input_names=["image"])
                program.save(path, external_data=keep_norm)  # one with external data
                if folder == HERE:
                    strip(path, external=keep_norm)
            else:
                axes = {"image": {0: "n", 2: "h", 3: "w"} if dynamic else {0: "n"}}
                kwargs = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False} if keep_norm else {}
                torch.onnx.export(model, x, path, opset_version=opset, input_names=["image"], dynamic_axes=axes, **kwargs)
        print(os.path.basename(path), os.path.getsize(path), flush=True)

    torch.manual_seed(0)
    with torch.no_grad():
        small = [("gated", randomise(Gated()), 32), ("classic", randomise(Classic()), 33)]
        for name, model, size in small:
            for opset in (([18, 23] if name == "gated" else [18]) if new else [11, 16] if name == "gated" else [9, 13]):
                export(name, model, size, opset)
            if not new or name == "gated":
                export(name, model, size, 20 if new else 13, keep_norm=True)
        if only_small:
            return
        models = torchvision.models
        networks = [("resnet18", 64), ("mobilenet_v2", 64), ("mobilenet_v3_small", 64), ("shufflenet_v2_x0_5", 64), ("densenet121", 64), ("squeezenet1_1", 64),
                    ("efficientnet_b0", 64), ("convnext_tiny", 64), ("googlenet", 64), ("inception_v3", 96), ("vgg11_bn", 224), ("regnet_y_400mf", 64), ("mnasnet0_5", 64)]
        for name, size in networks:
            torch.manual_seed(0)
            kwargs = {"aux_logits": True, "init_weights": False} if name in ["googlenet", "inception_v3"] else {}
            if name in ["googlenet", "inception_v3"]:
                kwargs["transform_input"] = True
            model = randomise(getattr(models, name)(weights=None, **kwargs))
            export(name, model, size, 18 if new else 13)
            if name in ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5", "densenet121"]:
                export(name, model, size, 18 if new else 11, dynamic=True)
                export(name, model, size, 20 if new else 12, keep_norm=True)


def make_keras(folder, only_small):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow as tf
    import tf2onnx

    keras.utils.set_random_seed(0)

    def small():
        layers = keras.layers
        x = inputs = keras.Input((33, 35, 3), name="image")
        x = layers.Rescaling(1 / 127.5, -1)(x * 255)
        x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0)(x)
        x = layers.ReLU(6)(x)
        y = layers.DepthwiseConv2D(3, padding="same")(x)
        y = layers.LayerNormalization()(y)
        y = layers.Dense(16, activation=lambda v: keras.activations.gelu(v, approximate=True))(y)
        y = layers.Dense(8)(y)
        x = layers.Add()([x, y])
        x = layers.ZeroPadding2D(((0, 1), (1, 2)))(x)
        s = layers.GlobalAveragePooling2D(keepdims=True)(x)
        s = layers.Conv2D(8, 1, activation="sigmoid")(s)
        x = layers.Multiply()([x, s])
        x = layers.AveragePooling2D(3, 2, padding="same")(x)
        x = layers.UpSampling2D(2, interpolation="bilinear")(x)
        x = layers.Concatenate()([x, layers.SeparableConv2D(4, 3, padding="same", activation="swish")(x)])
        x = layers.Conv2DTranspose(6, 3, strides=2, padding="same")(x)
        x = layers.MaxPooling2D(2, 2, padding="same")(x)
        x = layers.PReLU(shared_axes=[1, 2])(x)
        x = layers.Flatten()(x)
        return keras.Model(inputs, layers.Dense(7, activation="softmax")(x))

    def export(name, model, size):
        rng = np.random.default_rng(3)
        for w in model.weights:  # statistics and biases that are not 0 and 1
            kind = w.path.split("/")[-1]
            if kind in ["moving_variance", "gamma"]:
                w.assign(rng.uniform(0.5, 1.5, w.shape))
            elif kind in ["beta", "bias", "moving_mean", "alpha"]:
                w.assign(rng.uniform(-0.1, 0.1, w.shape))
        for opset in [13, 18]:
            path = os.path.join(folder, f"{name}.tf2onnx{opset}.onnx")
            if os.path.exists(path):
                continue
            spec = [tf.TensorSpec((None,) + tuple(model.inputs[0].shape[1:]), tf.float32, name="image")]
            function = tf.function(lambda image: model(image, training=False), input_signature=spec)
            tf2onnx.convert.from_function(function, input_signature=spec, opset=opset, output_path=path)
            print(os.path.basename(path), os.path.getsize(path), flush=True)
        path = os.path.join(folder, f"{name}.keras3.onnx")
        if os.path.exists(path):
            return
        try:
            model.export(path, format="onnx", verbose=False)
            print(os.path.basename(path), os.path.getsize(path), flush=True)
        except Exception as e:  # Keras's exporter has its own limits
            print(os.path.basename(path), "cannot be made:", type(e).__name__, str(e).splitlines()[0])

    export("keras-small", small(), 33)
    if only_small:
        return
    apps = keras.applications
    for make, size in [(apps.MobileNet, 96), (apps.MobileNetV2, 96), (apps.MobileNetV3Small, 96), (apps.ResNet50, 64), (apps.ResNet50V2, 64), (apps.InceptionV3, 96),
                       (apps.Xception, 96), (apps.DenseNet121, 64), (apps.EfficientNetB0, 64), (apps.EfficientNetV2B0, 64), (apps.NASNetMobile, 96), (apps.ConvNeXtTiny, 64),
                       (apps.VGG16, 64)]:
        keras.utils.set_random_seed(0)
        export("keras-" + make.__name__.lower(), make(weights=None, input_shape=(size, size, 3), classes=10), size)


def expect(folder):
    import onnxruntime

    import safetensors_file

    onnxruntime.set_default_logger_severity(3)
    for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
        target = path[:-len("onnx")] + "expected.safetensors"
        if os.path.exists(target) and os.path.getmtime(target) > os.path.getmtime(path):
            continue
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as e:
            print(os.path.basename(path), "cannot be loaded by ONNX Runtime:", str(e)[:300])
            continue
        if len(session.get_inputs()) > 1:  # tf2onnx leaves Keras's Normalization constants outside
            print(os.path.basename(path), "has more inputs than the picture:", [i.name for i in session.get_inputs()][1:])
            continue
        i = session.get_inputs()[0]
        name = os.path.basename(path)
        size = 33 if "classic" in name else 96 if "inception_v3" in name else 64 if "dynamic" in name or "dynamo" in name and "gated" not in name else 32
        shape = [2] + [d if isinstance(d, int) else size for d in i.shape[1:]]
        x = np.random.default_rng(5).random(shape, np.float32)
        outputs = session.get_outputs()
        values = session.run(None, {i.name: x})
        tensors = {"featx:input": x}
        tensors.update({o.name: v for o, v in zip(outputs, values) if v.dtype == np.float32})
        safetensors_file.write(target, tensors, {"onnxruntime": onnxruntime.__version__})
        print(os.path.basename(target), {k: v.shape for k, v in tensors.items()}, flush=True)


if __name__ == "__main__":
    what = sys.argv[1]
    folder = os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else os.path.expanduser("~/.cache/featx-golden/onnx"))
    os.makedirs(folder, exist_ok=True)
    if what == "torch":
        make_torch(folder, folder == HERE)
    elif what == "keras":
        make_keras(folder, folder == HERE)
    elif what == "expect":
        expect(folder)
    else:
        raise SystemExit(__doc__)
