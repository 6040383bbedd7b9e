"""All tensors of an ONNX model, as ONNX Runtime computes them, as a dump for `featx verify`.

    python3 dump_onnx.py MODEL.onnx DUMP.npz [SIZE]

SIZE is the height and width where the model leaves them open. Needs onnx and onnxruntime.
"""
import sys

import numpy as np
import onnx
import onnxruntime


def main(model, dump, size=224):
    model = onnx.load(model)
    known = {o.name for o in model.graph.output}
    for name in [o for n in model.graph.node for o in n.output if o and o not in known]:
        model.graph.output.append(onnx.ValueInfoProto(name=name))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    image = session.get_inputs()[0]
    shape = [1] + [d if isinstance(d, int) else int(size) for d in image.shape[1:]]
    x = np.random.default_rng(0).random(shape, np.float32)
    values = zip([o.name for o in session.get_outputs()], session.run(None, {image.name: x}))
    layers = {name: v for name, v in values if v.dtype == np.float32 and v.ndim in (2, 4) and len(v) == 1}
    if shape[3] in (1, 3) and shape[1] not in (1, 3):  # featx takes the pictures of every ONNX model as channels, height, width
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    np.savez(dump, __input__=x, **layers)
    print(dump, len(layers), "tensors")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
