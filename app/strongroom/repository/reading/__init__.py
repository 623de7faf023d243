"""From a recovery point back to bytes, each proved before it is used."""
