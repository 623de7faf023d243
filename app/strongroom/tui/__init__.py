"""The terminal: screens that read rows and write requests, and hold no work of their own."""
