"""Deals over HTTP: routes that read by named statements and write by commands. Decisions are in rules/commands.py."""

from workers.deals.http import deals, drafts, mails

__all__ = ["deals", "drafts", "mails"]
