"""The SQLite catalog: a cache of what the repositories say, and the queue of what is to be done."""
