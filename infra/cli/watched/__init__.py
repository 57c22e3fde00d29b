"""A watched folder: files dropped in are developed. Over the public API alone, so any gateway will do."""
