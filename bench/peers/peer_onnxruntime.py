"""ONNX Runtime, and the writer of the ONNX file that OpenVINO reads too."""
from network import is_identity, no_translation, sides

NAME = "ONNX Runtime"
FIRST = "default"
SIMPLE = {"ReLU": "Relu", "Add": "Add", "Flatten": "Flatten", "GlobalAvgPool": "GlobalAveragePool", "Softmax": "Softmax"}


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

    def weight(name):
        offset, size, shape = stored[name]
        t = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", "weights.safetensors"), ("offset", offset), ("length", size)):
            t.external_data.add(key=key, value=str(value))
        tensors.append(t)
        return name

    def window(a):
        return {"kernel_shape": a["kernel"], "strides": a["stride"], "dilations": a["dilation"], "pads": sides(a["pad"])}

    for n in network.up_to(last):
        op, a, inputs = n["op"], n.get("attrs", {}), list(n["inputs"])

        def emit(kind, *params, **attributes):
            nodes.append(helper.make_node(kind, [*inputs, *params], [n["name"]], name=n["name"], **attributes))

        params = [weight(a[p]) for p in ("weight", "bias", "gamma", "beta", "mean", "var") if a.get(p)]
        if op == "Conv2D":
            emit("Conv", *params, group=a["groups"], **window(a))
        elif op == "Dense":
            emit("Gemm", *params, transB=1)
        elif op == "BatchNorm" and len(params) == 4:
            emit("BatchNormalization", *params, epsilon=a["eps"])
        elif op == "MaxPool":
            emit("MaxPool", ceil_mode=int(a.get("ceil", False)), **window(a))
        elif op == "AvgPool" and not a.get("ceil"):
            w = window(a)
            del w["dilations"]
            emit("AveragePool", count_include_pad=int(a.get("count_pad", False)), **w)
        elif op == "ReLU6":
            for name, value in (("zero", 0.0), ("six", 6.0)):
                if not any(t.name == name for t in tensors):
                    tensors.append(helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
            emit("Clip", "zero", "six")
        elif op == "Concat":
            emit("Concat", axis=1)
        elif is_identity(network, n):
            emit("Identity")
        elif op in SIMPLE:
            emit(SIMPLE[op])
        else:
            no_translation(n, "ONNX", __file__)
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    return helper.make_model(
        helper.make_graph(nodes, network.graph["arch"], [value("input", ["n", *network.input_shape(1)[1:]])], [value(last, None)], tensors),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
