"""HTTP: hooks, public pages, health, metrics."""
