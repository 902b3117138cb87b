"""The encoder trained from scratch on labels alone: the comparison without pretraining."""
