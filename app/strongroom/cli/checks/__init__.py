"""What ``doctor`` looks at, one file per place. A check answers with findings and never raises."""
