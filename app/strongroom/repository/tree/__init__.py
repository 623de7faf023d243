"""A disk as a hash tree of slots."""
