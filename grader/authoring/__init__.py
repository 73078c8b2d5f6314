"""What an exercise's author declares."""
