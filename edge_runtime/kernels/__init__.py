"""The kernels: in C99, <family>.c, and what they mean in NumPy, <family>.py."""
