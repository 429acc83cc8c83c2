"""In: one file per channel; the file's name is `[connectors.<name>]`."""
