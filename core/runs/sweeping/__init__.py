"""Measuring a grid: what may be asked, point by point in jobs, and the file that tells of it."""
