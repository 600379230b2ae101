"""Decisions of the turns domain, pure: offsets, names and conditions of shapes, who may see and change what."""
