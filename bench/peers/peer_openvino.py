"""OpenVINO, from its own format, which it makes of the ONNX file."""
NAME = "OpenVINO"
FIRST = "latency"


def version():
    import openvino
    return openvino.__version__.split("-")[0]


def settings(threads, batch):
    return ["latency"]


class Session:
    """float32, latency hint, one stream with all threads, not pinned to cores; the batch is static."""

    def __init__(self, folder, threads, batch, setting, pictures, features=False):
        import openvino as ov
        core = ov.Core()
        model = core.read_model(folder + ("/features.xml" if features else "/model.xml"))
        model.reshape(list(pictures.shape))
        compiled = core.compile_model(model, "CPU", {
            "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": str(threads), "ENABLE_CPU_PINNING": "NO"})
        self.request = compiled.create_infer_request()
        self.pictures = pictures  # the tensor only borrows the memory
        self.request.set_input_tensor(ov.Tensor(pictures, shared_memory=True))

    def run(self):
        self.request.infer()

    def output(self):
        return self.request.get_output_tensor(0).data


def export(network):
    import openvino as ov
    import peer_onnxruntime
    peer_onnxruntime.export(network)
    for name in network.files:
        model = ov.convert_model(network.path(name + ".onnx"))
        ov.save_model(model, network.path(name + ".xml"), compress_to_fp16=False)
