"""Trains the detector, and takes in detectors that others trained."""
