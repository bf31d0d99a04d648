"""Models: loaded, swapped, reached. Needs the one ONNX Runtime of this environment."""

from serving.models.runtime import check_runtime

check_runtime()  # before anything below imports it, and fails without saying why
