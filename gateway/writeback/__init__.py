"""
The mirror's sender: what Salesforce should hold and does not hold yet goes there, in few calls.

    queue     what waits, and since when
    pace      when to send and how much at once
    payload   mirror rows → Composite Graph payloads and Collections
    outcomes  Salesforce's answer per row → written, again, parked, dead
    sender    the loop, one job per org
"""

from gateway.writeback.sender import Sender, WriteBack, sender_job

__all__ = ["Sender", "WriteBack", "sender_job"]
