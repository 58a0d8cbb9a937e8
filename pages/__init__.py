"""One short script for each page of the dashboard: guard, choose, load, derive, draw."""
