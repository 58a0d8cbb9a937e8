"""Pure thinking on records: no I/O, no clock, no numpy, no sentences. Knows neither figures nor pages."""
