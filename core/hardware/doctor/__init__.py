"""Why a GPU is or isn't used here: facts are collected, then judged. Judging is pure; no words here."""
