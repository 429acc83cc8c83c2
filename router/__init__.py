"""Decide: a table of rules over findings; the first row that applies wins."""
