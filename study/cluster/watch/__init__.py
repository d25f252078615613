"""Notices that Ray died, and goes on or ends with a word: Ray itself would hang."""
