"""Use cases: the only room where a source of machines meets a repository.

``work`` is what worker processes run and imports no catalog; everything else here reads and writes rows.
"""
