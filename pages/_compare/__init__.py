"""What only the Compare page has: other machines, and several jobs at once."""
