"""What both sides of the jail may import."""
