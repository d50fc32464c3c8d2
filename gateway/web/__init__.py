"""HTTP in: who calls, what they may send, and what they are told."""
