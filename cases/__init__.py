"""What staff work on: cases, their clock, their history, and what goes out."""
