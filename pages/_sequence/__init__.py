"""The Sequence page in parts."""
