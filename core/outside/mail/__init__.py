"""Mail: read what came in, write what goes out, send it over SMTP or into a folder, poll an IMAP mailbox."""
