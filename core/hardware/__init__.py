"""What machine this is and what it is doing. Knows nothing of torch, pages, figures or the store."""
