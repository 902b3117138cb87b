"""The loops that train, what they need and what they leave: pretraining, selection, fine-tuning."""
