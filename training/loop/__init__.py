"""What is the same for every model: fit, export, quantise, calibrate, measure, compare."""
