"""Fakes, fault injectors and conformance suites: shipped, because authors of plug-ins need them as much as our own tests do."""
