"""`darkroom demo`: everything in `sample_data/` through the public API of a system started for it, looked at, and shown on a page."""
