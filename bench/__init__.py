"""The benchmark suite: our figure, the peer's and the limit's, side by side in one run."""
