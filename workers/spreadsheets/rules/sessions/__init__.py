"""What the steps of a session decide: pure. `steps` is what they share, `answers` checks what a person has said, and
each kind of session has a file of its own."""
