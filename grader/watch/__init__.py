"""What `grade watch` does between two saves."""
