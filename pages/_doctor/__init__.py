"""The Doctor page in parts."""
