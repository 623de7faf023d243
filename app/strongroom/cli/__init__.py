"""The command line: one file per noun, each a thin reading of arguments in front of one use case and one answer."""
