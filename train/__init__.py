"""Images in, a trained Keras model out."""
