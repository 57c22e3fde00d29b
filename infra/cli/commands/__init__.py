"""One module a command: its options and how its result is shown. Each imports what it needs when it runs, so that `--help` is quick."""
