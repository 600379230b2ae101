"""Work orders: a PDF comes in, its row becomes the authority, a signed document is matched, a sheet is kept in step.

Task types: `work_orders.read`, `work_orders.read_signed`, `work_orders.export`, `work_orders.check_sheet`,
`work_orders.forget_runs`. What strangers wrote (PDFs) is read by `asides`, in processes of their own. Ingestion and
matching are SQL functions (`triggers.sql`), so that every way in does the same.
"""
