"""The log between the stages: one contract, one file per engine."""
