"""Out: one file per destination; each is a consumer group of its own."""
