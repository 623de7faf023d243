"""Values and rules without I/O. Everything else may import this room; it imports nothing of ours."""
