"""The only place that knows everybody: what is built, how it flows, what is typed."""
