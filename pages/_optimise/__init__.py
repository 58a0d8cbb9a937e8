"""The Optimise page in parts."""
