"""The vault's chunk store, format SR1: the truth of every recovery point (``docs/design/format.md``)."""
