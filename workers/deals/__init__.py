"""Deals: an inbound e-mail becomes a checked draft, a person approves it, and it is sent once.

Task types: `deals.receive_email`, `deals.generate_draft`, `deals.regenerate_draft`, `deals.send_draft`,
`deals.poll_mailbox`. What may happen to a draft stands in `model/states.py` and, as a guard, in `triggers.sql`.
"""
