"""Users, sessions, workspaces, members and tokens: one of each for all domains. Knows no domain."""
