"""The commands of the work orders. These rows are read whenever `rowmill` starts, so nothing is imported for them."""

COMMANDS = (
    (
        "work-orders",
        "workers.work_orders.cli.commands:app",
        "Work orders: ingest PDFs, try profiles, look at what came in, answer questions, export.",
    ),
)
