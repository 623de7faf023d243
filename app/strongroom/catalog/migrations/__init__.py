"""The catalog's schema, revision by revision; ``catalog/migration.py`` runs them."""
