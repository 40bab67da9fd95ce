"""Fine-tuning a trained model: pruning, clustering and quantisation-aware training."""
