"""Learning checks: train a model, score it, and explain why it fell short."""
