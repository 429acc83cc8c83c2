"""The shared vocabulary: what flows, what goes wrong, and what time it is. Does no I/O."""
