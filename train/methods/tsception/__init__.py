"""TSception, a convolutional network for emotion in EEG: a comparison that is fully supervised."""
