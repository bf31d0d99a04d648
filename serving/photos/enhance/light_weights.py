"""Made by `benchmarks/enhance_fit.py`: what measures count for, the constant last."""

import numpy as np

STOPS = np.array(
    (
        -0.0155, -0.0010, 0.0027, -0.0008, -0.0510, -0.0096, -0.0749, 0.3806, -1.2015, -0.2371,
    )
)  # fmt: skip
RED = np.array(
    (
        -0.4619, -0.0456, 0.5123, -0.3698, 0.5093, 0.3666, 0.9242, 0.5787, 0.0191, -0.0231, 0.0003,
    )
)  # fmt: skip
BLUE = np.array(
    (
        0.2260, -0.3501, -0.3991, 0.6523, 0.3767, 0.5620, 0.2331, 0.3112, 0.0149, 0.0766, 0.0097,
    )
)  # fmt: skip
