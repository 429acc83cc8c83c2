"""What is it: one file each, pure, a batch at a time."""
