"""What a model must beat: predictors of which everybody can see why they know what they know."""
