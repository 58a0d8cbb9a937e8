"""The Decide page in parts."""
