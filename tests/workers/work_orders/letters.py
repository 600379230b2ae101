"""Messages with PDFs, as Gmail exports them."""

from __future__ import annotations

from email.message import EmailMessage


def letter(*pdfs: tuple[str, bytes], sender: str = "Orders <orders@northgate.example>") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "in@rowmill.example", "Neue Aufträge"
    message["Message-ID"] = "<abc@mail.example>"
    message.set_content("See attached.")
    message.add_attachment(b"not a pdf", maintype="image", subtype="png", filename="logo.png")
    for name, data in pdfs:
        message.add_attachment(data, maintype="application", subtype="pdf", filename=name)
    return message.as_bytes()
