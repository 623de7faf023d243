"""Where machines come from: the contract, the registry, and the bundled sources."""
