import common as common  # before anything imports ONNX Runtime
