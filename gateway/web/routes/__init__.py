"""The public routes, a module for each noun, thin."""
