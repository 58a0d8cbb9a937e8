"""Whether a device is worth it: a person's plan and prices on measured speeds. Knows no page and no clock."""
