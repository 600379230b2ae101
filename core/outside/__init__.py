"""The door to the outside world for the adapters of domains. Knows no domain."""

from core.outside.aside import Aside, AsideFailed
from core.outside.blobs import Blob, Blobs, BlobsFailed, blob_store
from core.outside.fetch import Fetched
from core.outside.files import files_root, folder_of, is_own
from core.outside.google import BURST, GoogleAccount, NoGoogleAccount, google_account, sheet_format
from core.outside.guard import FetchFailed, FetchRefused, Guard
from core.outside.language import (
    Completion,
    LanguageModel,
    ModelBusy,
    ModelFailed,
    ModelRefused,
    budgets,
    language_model,
    language_rate,
)
from core.outside.mail.apart import read_mail_apart
from core.outside.mail.box import MailSettingsWrong, mailer, sender
from core.outside.mail.imap import Mailbox, MailboxUnreachable, mailbox, mailbox_of, mailbox_workspace
from core.outside.mail.reading import (
    Attached,
    MailUnreadable,
    ReceivedMail,
    files_of,
    header_of,
    parsed,
    read_mail,
    words_of_html,
)
from core.outside.mail.sending import Folder, Mailer, MailNotNow, MailUncertain, Smtp
from core.outside.mail.writing import MailRefused, OutgoingMail, plain_address, written
from core.outside.polite import MustWait, Web, limit_of, web
from core.outside.switches import storing

__all__ = [
    "BURST",
    "Aside",
    "AsideFailed",
    "Attached",
    "Blob",
    "Blobs",
    "BlobsFailed",
    "Completion",
    "FetchFailed",
    "FetchRefused",
    "Fetched",
    "Folder",
    "GoogleAccount",
    "Guard",
    "LanguageModel",
    "MailNotNow",
    "MailRefused",
    "MailSettingsWrong",
    "MailUncertain",
    "MailUnreadable",
    "Mailbox",
    "MailboxUnreachable",
    "Mailer",
    "ModelBusy",
    "ModelFailed",
    "ModelRefused",
    "MustWait",
    "NoGoogleAccount",
    "OutgoingMail",
    "ReceivedMail",
    "Smtp",
    "Web",
    "blob_store",
    "budgets",
    "files_of",
    "files_root",
    "folder_of",
    "google_account",
    "header_of",
    "is_own",
    "language_model",
    "language_rate",
    "limit_of",
    "mailbox",
    "mailbox_of",
    "mailbox_workspace",
    "mailer",
    "parsed",
    "plain_address",
    "read_mail",
    "read_mail_apart",
    "sender",
    "sheet_format",
    "storing",
    "web",
    "words_of_html",
    "written",
]
