"""By what metrical levels and bars are chosen, as `benchmarks/fit_levels.py` fitted it.

They were fitted to what BeatNet 1.1.3 says and mean nothing beside another network: what changes
the weights of the network fits these anew.
"""

FITTED_ON = ("made music, drawn at random", "drum loops")
LEVEL = (
    1.15, -0.03, -0.6, 0.22, -0.19, 1.49, 2.08, -1.09, 2.38, 1.42, 0.27, 1.18, 0.92, 1.95, 3.27,
    1.57, -0.39, 3.96, -0.32, 13.54, 1.06, -0.13, 0.4, 0.14, 0.1, -0.31, -1.54, 1.99, -1.1, -5.32,
    0.43, 0.44, -0.38, -0.04, -1.47, -0.7, 2.6, 4.57, -0.13, -1.17, -1.75, -0.04, -1.1, 0.4, 2.69,
    -0.84, 0.76, 1.64, -1.15, 0.7, -3.09, 0.75, -2.02, 1.51, 0.69, 0.94, 0.81, -1.24, -1.41, 0.18,
    -0.24, 4.51, -1.48, -5.53, 0.38, 0.59, 0.27, -0.47, 0.33, 0.53, 0.91, 0.4, 0.36,
)  # fmt: skip
BARS = (
    1.46, 0.12, 1.39, 3.36, -0.69, 2.72, 2.7, 3.54, 1.98,
)  # fmt: skip
