"""Where objects lie: one small port and its implementations."""
