"""Knobs: the city's own data in TOML, its shape, and how it is read."""
