"""Helpers of the Makefile, in plain Python; no part of the dashboard."""
