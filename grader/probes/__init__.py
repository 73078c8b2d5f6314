"""What a check may ask of a model."""
