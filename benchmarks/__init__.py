"""This project's promises about speed, each measured as a ratio or a plain number in one run."""
