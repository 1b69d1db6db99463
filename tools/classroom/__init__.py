"""Grading of the course in ``assignments/``; README.md in this folder has the map."""
