"""What the quick tier finds instead of TensorFlow, in its processes and in those they start."""

raise AssertionError("the quick tier imports TensorFlow: mark the test with tensorflow")
