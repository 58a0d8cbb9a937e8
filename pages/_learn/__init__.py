"""The Learn page in parts: the article, and the quiz."""
