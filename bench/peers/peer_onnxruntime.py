"""ONNX Runtime, and the writer of the ONNX file that OpenVINO reads too."""
import math

from network import channels, is_identity, no_translation, params, sides

NAME = "ONNX Runtime"
FIRST = "default"
SIMPLE = {"ReLU": "Relu", "Add": "Add", "Mul": "Mul", "Scale": "Mul", "Sigmoid": "Sigmoid", "HardSwish": "HardSwish", "Flatten": "Flatten", "Softmax": "Softmax"}


def version():
    import onnxruntime
    return onnxruntime.__version__


def settings(threads, batch):
    return ["default", "no spinning behind a run"] if threads > 1 else ["default"]


class Session:
    """Every graph optimisation, sequential execution."""

    def __init__(self, folder, threads, batch, setting, pictures, features=False):
        import onnxruntime as ort
        o = ort.SessionOptions()
        o.intra_op_num_threads, o.inter_op_num_threads = threads, 1
        o.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        if setting != "default":
            o.add_session_config_entry("session.force_spinning_stop", "1")
        o.add_free_dimension_override_by_name("n", batch)
        file = folder + ("/features.onnx" if features else "/model.onnx")
        self.session = ort.InferenceSession(file, o, providers=["CPUExecutionProvider"])
        self.feed = {"input": pictures}

    def run(self):
        self.last = self.session.run(None, self.feed)

    def output(self):
        return self.last[0]


def export(network):
    """Weights are external data: they stay in weights.safetensors."""
    import onnx
    for name, last in network.files.items():
        onnx.save(onnx_model(network, last), network.path(name + ".onnx"))


def onnx_model(network, last):
    import onnx
    from onnx import TensorProto, helper
    stored, nodes, tensors = network.stored(), [], []

    def weight(name, role):
        offset, size, shape = stored[name]
        if role == "scale":  # of an NCHW map
            shape = [*shape, 1, 1]
        t = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", "weights.safetensors"), ("offset", offset), ("length", size)):
            t.external_data.add(key=key, value=str(value))
        tensors.append(t)
        return name

    def window(a):
        return {"kernel_shape": a["kernel"], "strides": a["stride"], "dilations": a["dilation"], "pads": sides(a["pad"])}

    def constant(name, values, of=TensorProto.FLOAT):
        """A tensor of one axis, or a scalar."""
        if not any(t.name == name for t in tensors):
            tensors.append(helper.make_tensor(name, of, [len(values)] if isinstance(values, list) else [], values if isinstance(values, list) else [values]))
        return name

    def add(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    pixelwise, turned = network.pixelwise(), {"input": {}}  # value -> its names in NCHW and NHWC, by whether it is the latter

    def value(name, nhwc):
        """The value's name in a layout; it is transposed when that is first asked for."""
        if nhwc not in turned[name]:
            turned[name][nhwc] = add("Transpose", [name], name + (":nhwc" if nhwc else ":nchw"), perm=[0, 2, 3, 1] if nhwc else [0, 3, 1, 2])
        return turned[name][nhwc]

    turned["input"][False] = "input"
    for n in network.up_to(last):
        op, a, name, nhwc = n["op"], n.get("attrs", {}), n["name"], n["name"] in pixelwise
        turned[name] = {nhwc: name}
        inputs = [value(i, nhwc) for i in n["inputs"]]

        def emit(kind, *more, **attributes):
            add(kind, [*inputs, *more], name, **attributes)

        def step(kind, *inputs, **attributes):
            """One of several that make up the node."""
            return add(kind, list(inputs), f"{name}:{len(nodes)}", **attributes)

        own = [weight(t, role) for role, t in params(n).items()]
        if op == "Conv2D":
            emit("Conv", *own, group=a["groups"], **window(a))
        elif op == "Dense" and nhwc:
            product = step("MatMul", *inputs, step("Transpose", own[0], perm=[1, 0]))
            add("Add", [product, own[1]], name)
        elif op == "Dense":
            emit("Gemm", *own, transB=1)
        elif op == "BatchNorm" and len(own) == 4:
            emit("BatchNormalization", *own, epsilon=a["eps"])
        elif op == "MaxPool":
            emit("MaxPool", ceil_mode=int(a.get("ceil", False)), **window(a))
        elif op == "AvgPool":
            w = window(a)
            del w["dilations"]
            emit("AveragePool", ceil_mode=int(a.get("ceil", False)), count_include_pad=int(a.get("count_pad", False)), **w)
        elif op == "ReLU6":
            emit("Clip", constant("zero", 0.0), constant("six", 6.0))
        elif op == "SiLU":
            emit("Mul", step("Sigmoid", *inputs))
        elif op == "HardSigmoid":
            emit("HardSigmoid", alpha=a["alpha"], beta=a["beta"])
        elif op == "GELU":  # as PyTorch writes it, which both engines recognise
            erf = step("Erf", step("Div", *inputs, constant("sqrt2", math.sqrt(2))))
            add("Mul", [step("Mul", *inputs, step("Add", erf, constant("one", 1.0))), constant("half", 0.5)], name)
        elif op == "LayerNorm":
            emit("LayerNormalization", *own, axis=-1, epsilon=a["eps"])
        elif op == "GlobalAvgPool" and a.get("flatten"):
            add("Flatten", [step("GlobalAveragePool", *inputs)], name)
        elif op == "GlobalAvgPool":
            emit("GlobalAveragePool")
        elif op == "Slice":
            first, end = channels(network, n)
            emit("Slice", *(constant(f"channel{c}", [c], TensorProto.INT64) for c in (first, end, 1)))
        elif op == "ChannelShuffle":
            c, h, w = network.shapes[n["inputs"][0]]
            split = step("Reshape", *inputs, constant(f"split{c}x{h}", [0, a["groups"], c // a["groups"], h, w], TensorProto.INT64))
            add("Reshape", [step("Transpose", split, perm=[0, 2, 1, 3, 4]), constant(f"join{c}x{h}", [0, c, h, w], TensorProto.INT64)], name)
        elif op == "Concat":
            emit("Concat", axis=1)
        elif is_identity(network, n):
            emit("Identity")
        elif op in SIMPLE:
            emit(SIMPLE[op], *own)
        else:
            no_translation(n, "ONNX", __file__)
    about = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    return helper.make_model(
        helper.make_graph(nodes, network.graph["arch"], [about("input", ["n", *network.input_shape(1)[1:]])], [about(last, None)], tensors),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
