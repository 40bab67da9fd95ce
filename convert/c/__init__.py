"""A model as a C library: its constants, the kernels that it uses and a self-test."""
