"""The same test inputs through every backend: accuracy, parity, latency, footprint, report."""
