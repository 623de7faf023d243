"""Read models: what screens and commands see of the catalog, as frozen values from short sessions, one noun a file."""
