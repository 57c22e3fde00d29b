"""The `darkroom` command: the composition root of one machine. Imported by nothing."""
