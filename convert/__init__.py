"""A Keras model in, a .tflite file with its figures out."""
