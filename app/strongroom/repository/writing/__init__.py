"""From a disk to a recovery point: one session, threads that seal slots, one commit."""
