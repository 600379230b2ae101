"""Runs in processes of its own, with limits (core.outside.Aside): what reads the files of strangers."""
