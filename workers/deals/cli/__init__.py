"""The commands of deals. Rows: name, where it is, its first sentence."""

COMMANDS = (
    (
        "deals",
        "workers.deals.cli.deals:app",
        "Deals and mails that come in: list, show, add, receive, assign, measure.",
    ),
    ("spaces", "workers.deals.cli.spaces:app", "Spaces: find what fits a deal, show, add."),
    ("drafts", "workers.deals.cli.drafts:app", "Drafts of replies: review, approve, edit, write anew, send, archive."),
)
