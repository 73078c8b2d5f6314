"""What the Acme school adds to rnn-grader."""
