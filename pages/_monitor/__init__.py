"""What only the Monitor page shows."""
