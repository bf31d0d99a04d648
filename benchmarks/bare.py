"""The limit: decode, resize and infer in a bare loop, with nothing of this project's code.

Prints the CPU-ms per photo. Same ONNX file, same libraries, same pixels as the gateway's.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import simplejpeg


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(arguments.model), options, ["CPUExecutionProvider"])
    side = session.get_inputs()[0].shape[1]
    photos = [path.read_bytes() for path in arguments.photos]

    def work(number: int) -> None:
        data = photos[number % len(photos)]
        image = simplejpeg.decode_jpeg(data, "RGB", min_height=side, min_width=side)
        while image.shape[0] >= 2 * side and image.shape[1] >= 2 * side:
            half = image.shape[1] // 2, image.shape[0] // 2
            image = cv2.resize(image, half, interpolation=cv2.INTER_AREA)
        pixels = cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)
        session.run(None, {"pixels": np.ascontiguousarray(pixels[None])})

    with ThreadPoolExecutor(arguments.threads) as pool:
        list(pool.map(work, range(20)))
        started = time.process_time()
        list(pool.map(work, range(arguments.count)))
    print((time.process_time() - started) / arguments.count * 1e3)


if __name__ == "__main__":
    main()
