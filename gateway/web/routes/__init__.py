"""The public routes, a module for each noun: api.md's, thin."""
