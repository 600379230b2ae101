"""What the turns domain speaks of: shapes and their tables, operations that devices send, payloads and effects."""
