"""The service that works while operators sleep: the lease, slots fired from policies, and the loop that runs jobs (feature B12)."""
