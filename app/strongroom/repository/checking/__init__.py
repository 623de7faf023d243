"""Is it whole: checks in three depths, and the index made anew."""
