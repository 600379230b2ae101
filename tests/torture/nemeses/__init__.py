"""Harms, one file each: what it does, and what it needs."""
