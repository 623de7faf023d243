"""What opens a repository: the master key, its slots, the recovery key and its sheet, the service's copy."""
