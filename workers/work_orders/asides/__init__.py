"""What reads PDFs, in processes of their own: native code over what strangers wrote. Each function takes bytes and
gives bytes: a line of JSON, then the document."""
