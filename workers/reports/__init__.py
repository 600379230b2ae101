"""Reports: daily reports, meeting transcripts, Jira snapshots and Slack captures come in as files, and stay as rows.

Task types: `reports.ingest_file`, `reports.finish_ingestion`, `reports.generate`. Effects: `SaveDailyReport`,
`SaveTranscript`, `KeepOlder`, `AddJiraSnapshot`, `AddSlackCapture`, `WithdrawDailyReport`, `WithdrawTranscript`,
`WithdrawCaptures`, `EndFile`, `EndIngestion`, `SaveGenerated`, `LinkSources`; of people: `OpenIngestion`, `Receive`,
`ReadAgain`, `AskReport`.
The event-driven half is SQL: `triggers.sql`. What strangers wrote is read by `asides`, in processes of their own.
"""
