"""The engine, its records and its thinking; nothing in here knows that a web page exists."""
