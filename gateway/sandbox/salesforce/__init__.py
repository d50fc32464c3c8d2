"""A Salesforce org simulated at the wire: its schema is read from the project's own metadata; see ../BEHAVIOUR.md."""
