"""Three hooks of an application that keeps its sheets itself: after its own work, each hands the document over as well.

Whatever happens here, the application's own flow is done and stays done: a failed hand-over is logged, kept in a folder
and sent again by `shadow.retry()`, which a timer of the application calls.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from workers.work_orders.shadow import Shadow

PATHS = {"work_order": "/api/work-orders/ingest", "signed": "/api/signed/ingest"}


async def send(kind: str, parameters: Any, pdf: bytes) -> Any:
    """Over HTTP. `ingest_work_order` and `ingest_signed` of workers.work_orders.shadow do it by SQL."""
    form = aiohttp.FormData()
    form.add_field("file", pdf, filename=parameters.get("sourceMetadata", {}).get("filename", "document.pdf"))
    form.add_field("parameters", json.dumps(parameters), content_type="application/json")
    headers = {"Authorization": f"Bearer {os.environ['ROWMILL_TOKEN']}", "Idempotency-Key": str(uuid4())}
    url = os.environ["ROWMILL_URL"] + PATHS[kind]
    async with aiohttp.ClientSession() as session, session.post(url, data=form, headers=headers) as answer:
        answer.raise_for_status()
        return await answer.json()


shadow = Shadow(Path(os.environ["SHADOW_FOLDER"]), send)


async def gmail_process(message: Any, spreadsheet_id: str) -> str:
    """Hook 1: a work order came by Gmail and has been parsed and written to the sheet."""
    parsed = {
        "work_order_number": message["number"],
        "customer_name": message["customer"],
    }
    await shadow.write(
        "work_order",
        {
            "spreadsheetId": spreadsheet_id,
            "parsedWorkOrder": parsed,
            "sourceType": "GMAIL",
            "sourceMetadata": {
                "message_id": message["id"],
                "email_subject": message["subject"],
                "filename": "order.pdf",
            },
        },
        message["pdf"],
    )
    return "processed"


async def signed_process(pdf: bytes, url: str, number: str, spreadsheet_id: str) -> str:
    """Hook 2: somebody has uploaded a signed document, and the application has read its number."""
    await shadow.write(
        "signed",
        {
            "spreadsheetId": spreadsheet_id,
            "signedPdfUrl": url,
            "signedPreviewImageUrl": url + ".png",
            "workOrderNumber": number,
            "extractionResult": {"work_order_number": number, "confidence": 0.9},
        },
        pdf,
    )
    return "processed"


async def signed_process_gmail(message: Any, spreadsheet_id: str) -> str:
    """Hook 3: a signed document came by Gmail; nobody has read it, so the workers do."""
    metadata = {"message_id": message["id"], "email_subject": message["subject"], "filename": "signed.pdf"}
    await shadow.write(
        "signed",
        {"spreadsheetId": spreadsheet_id, "sourceType": "GMAIL", "sourceMetadata": metadata},
        message["pdf"],
    )
    return "processed"


async def main(folder: Path, spreadsheet_id: str) -> None:
    message = {"id": "18c2", "subject": "Work order 4711", "number": "WO-4711", "customer": "Mill Lane"}
    done = [
        await gmail_process({**message, "pdf": (folder / "order.pdf").read_bytes()}, spreadsheet_id),
        await signed_process((folder / "signed.pdf").read_bytes(), "https://x.example/s.pdf", "4711", spreadsheet_id),
        await signed_process_gmail({**message, "pdf": (folder / "other.pdf").read_bytes()}, spreadsheet_id),
    ]
    print(json.dumps({"done": done, "left": await shadow.retry()}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
