"""The same test images through every backend: accuracy, parity, latency, footprint, report."""
