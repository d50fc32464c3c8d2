"""
Statements of the hot path: compiled once, run on the driver itself, and sent in company.

    statement   a statement written in SQLAlchemy Core, without SQLAlchemy's price per execution
    company     what nobody waits for travels with the next statement that does
"""

from gateway.prepared.company import Company, keep_company
from gateway.prepared.statement import Prepared, Question, ask_ahead, send_and_commit, send_off

__all__ = ["Company", "Prepared", "Question", "ask_ahead", "keep_company", "send_and_commit", "send_off"]
