"""What all parts of Liuke share; the first of ours that any process imports."""

import os

#: ONNX Runtime reports to its maker unless this is set before it is imported. Whoever wants that
#: sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
