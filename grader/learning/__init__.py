"""Learning checks: training by one policy, and why it fell short."""
