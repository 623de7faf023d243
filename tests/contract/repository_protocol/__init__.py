"""The repository's protocol and upkeep."""
