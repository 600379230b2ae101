"""Makes the PDFs of the demo and what must be read from them: three made-up facility managers with layouts of their
own, scans, signed copies, a duplicate, a revision, and files nobody should trust.

    python -m demo.work_orders.make_pdfs [FOLDER]

Needs reportlab (a package for development); the files are in the repository. The same call makes the same orders.
"""

from __future__ import annotations

import io
import json
import random
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pypdfium2 as pdfium
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

PDFS: Final = Path(__file__).with_name("pdfs")
WIDTH, HEIGHT = A4
ORDERS_OF_EACH: Final = 7
BOMB_BYTES: Final = 1 << 31
SITES: Final = (
    ("Harbour View Tower", "12 Quay Street, Bristol BS1 4DB"),
    ("Mill Lane Offices", "88 Mill Lane, Leeds LS2 7HT"),
    ("Nordring Klinik", "Nordring 14, 80331 Muenchen"),
    ("Depot Sued", "Industriestrasse 7, 70565 Stuttgart"),
    ("Riverside School", "3 River Walk, York YO1 6DD"),
)
JOBS: Final = (
    "Replace pump seal in plant room 2",
    "Door closer on level 3 does not latch",
    "Emergency light in stairwell B is dark",
    "Leaking tap in kitchen, ground floor",
    "Filter change of air handling unit 4",
    "Roof gutter blocked above entrance",
)


@dataclass(frozen=True, slots=True)
class Order:
    """What a made-up order says; `amount` with a point, dates in ISO form."""

    fm_key: str
    work_order_number: str
    customer_name: str
    site_address: str
    description: str
    ordered_on: str
    due_on: str
    amount: str


def orders(fm_key: str, prefix: str, seed: int) -> list[Order]:
    choose, made = random.Random(seed), []
    for at in range(ORDERS_OF_EACH):
        site, address = choose.choice(SITES)
        day = date(2026, 3, 2) + timedelta(days=choose.randrange(90))
        made.append(
            Order(
                fm_key,
                f"{prefix}{1001 + at * 7}",
                site,
                address,
                choose.choice(JOBS),
                day.isoformat(),
                (day + timedelta(days=choose.randrange(3, 20))).isoformat(),
                str(Decimal(choose.randrange(4500, 980000)) / 100),
            )
        )
    return made


def _canvas(**given: Any) -> tuple[Canvas, io.BytesIO]:
    told = io.BytesIO()
    return Canvas(told, pagesize=A4, invariant=1, pageCompression=1, **given), told


def _done(canvas: Canvas, told: io.BytesIO) -> bytes:
    canvas.showPage()
    canvas.save()
    return told.getvalue()


def _signature(canvas: Canvas, signed: str | None) -> None:
    if signed is None:
        return
    canvas.setFont("Helvetica", 10)
    canvas.drawString(70, 130, f"Work completed and accepted: {signed}")
    canvas.setStrokeColorRGB(0.1, 0.1, 0.6)
    canvas.bezier(70, 100, 110, 150, 130, 60, 190, 120)
    canvas.bezier(150, 95, 210, 130, 230, 80, 280, 112)


def northgate(order: Order, signed: str | None = None, **given: Any) -> bytes:
    """Labels with values behind them, day and month in words."""
    canvas, told = _canvas(**given)
    canvas.setFont("Helvetica-Bold", 18)
    canvas.drawString(60, 780, "NORTHGATE FACILITIES")
    canvas.setFont("Helvetica", 11)
    rows = (
        ("Work Order No:", order.work_order_number),
        ("Date issued:", date.fromisoformat(order.ordered_on).strftime("%d %b %Y")),
        ("Complete by:", date.fromisoformat(order.due_on).strftime("%d %b %Y")),
        ("Customer:", order.customer_name),
        ("Site address:", order.site_address),
        ("Task:", order.description),
        ("Spend limit:", f"GBP {Decimal(order.amount):,.2f}"),
    )
    for at, (label, value) in enumerate(rows):
        canvas.drawString(60, 720 - at * 26, label)
        canvas.drawString(180, 720 - at * 26, value)
    _signature(canvas, signed)
    return _done(canvas, told)


def suedwerk(order: Order, signed: str | None = None, **given: Any) -> bytes:
    """Values in fixed regions, labels above them, dates and amounts in the German way."""
    canvas, told = _canvas(**given)
    canvas.setFont("Helvetica-Bold", 16)
    canvas.drawString(50, 790, "Suedwerk Gebaeudedienste GmbH")
    canvas.rect(400, 740, 150, 50)
    canvas.setFont("Helvetica", 8)
    canvas.drawString(405, 778, "Auftrag")
    canvas.setFont("Helvetica-Bold", 14)
    canvas.drawString(405, 752, order.work_order_number)
    canvas.setFont("Helvetica", 10)
    cells = (
        (50, 690, "Auftraggeber", order.customer_name),
        (300, 690, "Einsatzort", order.site_address),
        (50, 630, "Auftragsdatum", date.fromisoformat(order.ordered_on).strftime("%d.%m.%Y")),
        (300, 630, "Faellig am", date.fromisoformat(order.due_on).strftime("%d.%m.%Y")),
        (50, 570, "Leistung", order.description),
        (50, 510, "Budget", _german(order.amount) + " EUR"),
    )
    for left, top, label, value in cells:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(left, top, label)
        canvas.setFont("Helvetica", 10)
        canvas.drawString(left, top - 16, value)
    _signature(canvas, signed)
    return _done(canvas, told)


def _german(amount: str) -> str:
    return f"{Decimal(amount):,.2f}".translate(str.maketrans(",.", ".,"))


def cityline(order: Order, signed: str | None = None, **given: Any) -> bytes:
    """A ruled table below a short head."""
    canvas, told = _canvas(**given)
    canvas.setFont("Times-Bold", 20)
    canvas.drawCentredString(WIDTH / 2, 785, "cityline services")
    canvas.setFont("Times-Roman", 11)
    canvas.drawString(60, 740, f"Job reference # {order.work_order_number}")
    canvas.drawString(60, 718, f"Raised {order.ordered_on}")
    canvas.drawString(330, 718, f"Target {order.due_on}")
    header = ("Client", "Location", "Instruction", "Value")
    row = (order.customer_name, order.site_address, order.description, f"{Decimal(order.amount):,.2f}")
    edges = (60, 165, 315, 480, 545)
    for top in (680, 655, 600):
        canvas.line(edges[0], top, edges[-1], top)
    for edge in edges:
        canvas.line(edge, 680, edge, 600)
    for at in range(4):
        canvas.setFont("Times-Bold", 10)
        canvas.drawString(edges[at] + 4, 663, header[at])
        canvas.setFont("Times-Roman", 9 if at == 3 else 8)  # noqa: PLR2004 - the last column
        canvas.drawString(edges[at] + 4, 632, row[at])
    _signature(canvas, signed)
    return _done(canvas, told)


LAYOUTS: Final[dict[str, Callable[..., bytes]]] = {"northgate": northgate, "suedwerk": suedwerk, "cityline": cityline}


def scanned(pdf: bytes, dpi: int = 150) -> bytes:
    """The same page as an image, without any text: grey, a little tilted, with specks."""
    image = pdfium.PdfDocument(pdf)[0].render(scale=dpi / 72).to_pil().convert("L").rotate(0.3, fillcolor=255)
    choose = random.Random(1)
    for _ in range(150):
        image.putpixel((choose.randrange(image.width), choose.randrange(image.height)), choose.randrange(120))
    canvas, told = _canvas()
    canvas.drawImage(ImageReader(image), 0, 0, WIDTH, HEIGHT)
    return _done(canvas, told)


def bomb(size: int = BOMB_BYTES) -> bytes:
    """One page whose content unpacks twice to gigabytes."""
    inner = zlib.compressobj(9)
    chunk, packed = b"0 0 m 1 1 l S\n" * 80_000, io.BytesIO()
    for _ in range(size // len(chunk)):
        packed.write(inner.compress(chunk))
    packed.write(inner.flush())
    content = zlib.compress(packed.getvalue(), 9)
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>",
        b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n%s\nendstream" % (len(content), content),
    )
    told, places = b"%PDF-1.7\n", []
    for at, body in enumerate(objects, start=1):
        places.append(len(told))
        told += b"%d 0 obj\n%s\nendobj\n" % (at, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    tail = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(told))
    return told + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table) + tail


def files() -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Name, bytes, and what must become of each: the order it holds, or why none."""
    made = [*orders("northgate", "NG-", 1), *orders("suedwerk", "SW/2026/", 2), *orders("cityline", "CL-00", 3)]
    for order in made:
        yield f"{_name(order)}.pdf", LAYOUTS[order.fm_key](order), {"order": asdict(order)}
    for order in (_renumbered(made[0], "NG-9001"), _renumbered(made[7], "SW/2026/9002")):
        yield f"{_name(order)}-scan.pdf", scanned(LAYOUTS[order.fm_key](order)), {"order": asdict(order), "scan": True}
    first = made[1]
    later = replace(first, due_on="2026-09-30", amount="9999.5")
    yield f"{_name(first)}-revised.pdf", northgate(later), {"revises": first.work_order_number}
    yield "copy-of-the-first.pdf", LAYOUTS[made[0].fm_key](made[0]), {"duplicate": made[0].work_order_number}
    yield "broken.pdf", northgate(made[2])[:700], {"unreadable": True}
    yield "encrypted.pdf", northgate(made[2], encrypt="secret"), {"unreadable": True}
    yield "bomb.pdf", bomb(), {"unreadable": True}
    for order in (*made[:4], *made[7:9], *made[14:16]):
        yield f"signed-{_name(order)}.pdf", LAYOUTS[order.fm_key](order, "A. Tenant, 2026-07-01"), _signed(order)
    yield f"signed-{_name(made[4])}-scan.pdf", scanned(northgate(made[4], "B. Tenant, 2026-07-02")), _signed(made[4])
    again = northgate(made[0], "C. Tenant, 2026-07-03")
    yield f"signed-{_name(made[0])}-second.pdf", again, {"second": made[0].work_order_number}
    stranger = northgate(_renumbered(made[0], "NG-7777"), "D. Tenant, 2026-07-04")
    yield "signed-of-no-order.pdf", stranger, {"missing": "NG-7777"}


def _renumbered(order: Order, number: str) -> Order:
    return replace(order, work_order_number=number)


def _name(order: Order) -> str:
    return order.work_order_number.replace("/", "-")


def _signed(order: Order) -> dict[str, Any]:
    return {"signed": order.work_order_number}


def make(folder: Path) -> None:
    """Writes all files and `expected.json` beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name, data, about in files():
        (folder / name).write_bytes(data)
        expected[name] = about
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else PDFS)
