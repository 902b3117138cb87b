"""EEGNet, a compact convolutional network for EEG: a comparison that is fully supervised."""
