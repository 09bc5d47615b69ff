"""iMessage."""
