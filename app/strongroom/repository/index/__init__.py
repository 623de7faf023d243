"""Where chunks lie: a hint made of pack trailers, rebuilt from them at any time."""
