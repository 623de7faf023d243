"""Pages (one for each tab), details that are pushed upon them, and the modal screens that ask."""
