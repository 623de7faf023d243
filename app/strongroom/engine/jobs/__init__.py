"""The queue and who works it off: claim, run, watch, end, cancel, settle after a crash."""
