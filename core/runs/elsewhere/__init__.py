"""Where a job can be measured: this machine or others, in the same calls, and which of them are alike."""
