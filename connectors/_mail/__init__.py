"""The pieces of the e-mail channel: the door (server), reading (mime to message), writing (compose, relay)."""
