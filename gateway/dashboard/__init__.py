"""The dashboard: one page and its assets, served from here alone."""
