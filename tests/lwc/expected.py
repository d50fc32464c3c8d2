"""What a person must find in each state, as a screen reader would tell it, and where the next key goes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """``shows`` and ``hides`` are parts of the accessibility tree; ``focus`` is the text of the focused element."""

    shows: tuple[str, ...]
    hides: tuple[str, ...] = ()
    focus: str = ""
    calls: dict[str, int] | None = None
    dialogs: int = 1


SEND = 'button "Send invoice"'
SENTENCE = "paragraph: An invoice over EUR 4,760.00 will be sent to jane@acme.example."
REFUSED = 'heading "This cannot be done as it is" [level=3]'
ERROR = 'heading "That did not work" [level=3]'
RUNNING = 'heading "Working on it" [level=3]'
EMPTY = 'heading "Nothing to do here" [level=3]'
DONE = ('heading "Invoice sent" [level=3]', 'link "Open the invoice (new tab)"', 'button "Copy link"', 'button "Close"')
NO_CONFIRM = (SEND, 'button "Cancel"')
STILL = "Still working. You can close this, the record is updated when it is done."
ACTIONS = (SEND, 'button "Payment link"', 'button "Refund"')


def card(*shows: str, hides: tuple[str, ...] = (), **rest: object) -> Look:
    return Look(('heading "Stripe payments" [level=2]', *shows), hides, **{"dialogs": 0, **rest})  # type: ignore[arg-type]


CARD = {
    "card-loading": card("status: Loading Stripe payments", hides=ACTIONS),
    "card-empty": card(*ACTIONS, "paragraph: Nothing has been invoiced, linked or refunded on this record yet."),
    "card-busy": card(
        *ACTIONS,
        'region "Under way"',
        'region "Invoices (3)"',
        "paragraph: INV-0041 Open Overdue",
        'button "Copy the address of Invoice INV-0042"',
        'link "Open Invoice INV-0042 (new tab)"',
        'region "Payment links (2)"',
        'region "Refunds (2)"',
        "paragraph: Refund of EUR 100.00 Failed",
    ),
    "card-not-connected": card("paragraph: The payment gateway is not connected.", hides=ACTIONS),
    "card-no-permission": card("You can see payments here", "paragraph: INV-0042 Open", hides=ACTIONS),
    "card-error": card("alert", "You cannot see this record.", 'button "Try again"', hides=ACTIONS),
    "card-opens-panel": Look(('dialog "Send invoice"', SENTENCE), focus="Send invoice"),
    "card-closes-panel": card(*ACTIONS, hides=("dialog",), focus="Send invoice", calls={"overview": 4, "preview": 1}),
    "card-double-click": Look(('dialog "Send invoice"',), focus="Send invoice", calls={"preview": 1}),
}
SENDING = {
    "send-loading": Look(("Preparing the preview", "Account: Acme GmbH", f"{SEND} [disabled]", 'button "Cancel"')),
    "send-preview": Look(
        (
            'dialog "Send invoice"',
            "definition: Acme GmbH",
            'button "Change recipient"',
            'row "Licence, one year 40 EUR 3,600.00"',
            "term: Total",
            SENTENCE,
            'button "Cancel"',
        ),
        hides=("Invoiced so far",),
        focus="Send invoice",
        calls={"overview": 2, "preview": 1},
    ),
    "send-preview-partial": Look(
        ('region "Please check"', "term: Invoiced so far", "definition: EUR 800.00", "term: Remaining afterwards"),
        focus="Send invoice",
    ),
    "send-preview-long": Look(('button "Show all 24 items"',), ("workstation 24",), focus="Send invoice"),
    "send-preview-all-lines": Look(("workstation 24",), ('button "Show all 24 items"',), focus="What is on it"),
    "send-preview-open-invoice": Look(
        ('link "Open invoice INV-0042"', 'button "Replace it with this one"', 'button "Send this one as well"'),
        focus="Send invoice",
    ),
    "send-replace": Look(
        ("paragraph: The open invoice will be cancelled, and a new one over EUR 4,760.00",),
        ('button "Replace it with this one"',),
        focus="Send invoice",
    ),
    "send-change-recipient": Look(
        ('radio "Jane Doe · jane@acme.example · contact role Billing" [checked]', 'textbox "Another e-mail address"'),
        focus="jane@acme.example",
    ),
    "send-confirming": Look(
        ("status: Sending…", 'button "Sending…" [disabled]'), focus="An invoice over EUR 4,760.00", calls={"run": 1}
    ),
    "send-running": Look(
        (RUNNING, "It was sent once."), NO_CONFIRM, focus="Please wait Working on it", calls={"run": 1}
    ),
    "send-working": Look(
        (RUNNING, f"status: {STILL}", f"paragraph: {STILL}"), NO_CONFIRM, focus="Please wait Working on it"
    ),
    "send-followed": Look(DONE, NO_CONFIRM, focus="Invoice sent", calls={"run": 1, "find": 2}),
    "send-done": Look(
        (*DONE, "paragraph: Invoice INV-0043 over 4760.00 EUR was sent."),
        NO_CONFIRM,
        focus="Invoice sent",
        calls={"overview": 2, "preview": 1, "run": 1},
    ),
    "send-done-before": Look(
        ('heading "It was there already" [level=3]', 'link "Open the invoice (new tab)"'),
        NO_CONFIRM,
        focus="It was there already",
    ),
    "send-copied": Look((*DONE, "status: Copied"), focus="Copy link"),
}
TROUBLE = {
    "send-error": Look(
        (ERROR, "The network is not there.", "Trying again is safe", 'button "Try again"'),
        NO_CONFIRM,
        focus="That did not",
    ),
    "send-error-again": Look(DONE, NO_CONFIRM, focus="Invoice sent", calls={"run": 2}),
    "send-look-up-refused": Look(
        (
            'heading "The end is not known yet" [level=3]',
            "Please do not send it again another way.",
            "paragraph: The payment gateway does not know you any more.",
            'paragraph: "Reference for your administrator: req_401"',
            'button "Look again"',
        ),
        (*NO_CONFIRM, 'button "Start again"'),
        focus="The end is not",
        calls={"run": 1, "find": 4},
    ),
    "send-retry-refused": Look(
        (ERROR, "The token is not valid.", "Trying again is safe", 'button "Try again"'),
        (*NO_CONFIRM, 'button "Start again"'),
        focus="That did not",
        calls={"run": 2},
    ),
    "send-preview-error": Look(
        (ERROR, "Nothing has been sent.", 'button "Try again"'), NO_CONFIRM, focus="That did not"
    ),
    "send-no-recipient": Look(
        (REFUSED, 'radiogroup "Who gets the invoice?"', 'button "Use this recipient"'), NO_CONFIRM, focus="This cannot"
    ),
    "send-no-recipient-mended": Look(
        (SENTENCE,), (REFUSED,), focus="Send invoice", calls={"preview": 2, "contacts": 0}
    ),
    "send-no-contacts": Look(
        (REFUSED, "No contact of this account", 'textbox "Another e-mail address"'),
        ("radiogroup",),
        focus="This cannot",
    ),
    "send-recipient-differs": Look(
        (REFUSED, "The address of this customer at Stripe is another one.", 'radio "Jane Doe'), focus="This cannot"
    ),
    "send-already-open": Look(
        (
            REFUSED,
            'link "Open invoice INV-0042"',
            'button "Replace it with this one"',
            'button "Send this one as well"',
        ),
        NO_CONFIRM,
        focus="This cannot",
    ),
    "send-stale": Look((REFUSED, 'button "Show the preview again"'), NO_CONFIRM, focus="This cannot"),
    "send-refused": Look((REFUSED, "no account to bill", 'button "Start again"'), NO_CONFIRM, focus="This cannot"),
    "send-nothing": Look(
        (
            "This record has no products to invoice.",
            'textbox "*Amount"',
            'textbox "*What is invoiced"',
            f"{SEND} [disabled]",
        ),
        (EMPTY, 'checkbox "Can be paid more than once"'),
        focus="",
    ),
    "send-line": Look(
        (SENTENCE, 'textbox "*Amount in EUR"', 'textbox "*What is invoiced"', SEND), calls={"preview": 2}
    ),
    "send-line-refused": Look((REFUSED, "minimum is 0.50 EUR", 'button "Change the details"', 'textbox "*Amount"')),
    "send-no-permission": Look((EMPTY, "You may not do this here."), NO_CONFIRM, focus="Nothing to do here"),
    "send-not-connected": Look((EMPTY, "The payment gateway is not connected"), NO_CONFIRM, focus="Nothing to do here"),
    "send-approval": Look(
        (
            'heading "Waiting for approval" [level=3]',
            "paragraph: Waits for Ada Admin.",
            "Nothing more is needed from you",
            'button "Close"',
        ),
        (*NO_CONFIRM, 'button "Start again"'),
        focus="Waiting for approval",
        calls={"run": 1, "find": 0},
    ),
    "send-approved": Look(DONE, NO_CONFIRM, focus="Invoice sent", calls={"run": 1, "find": 2}),
    "send-stale-overview": Look(
        (RUNNING, "already under way"), NO_CONFIRM, focus="Please wait Working on it", calls={"overview": 2, "run": 0}
    ),
    "send-already-running": Look((RUNNING, "already under way"), NO_CONFIRM, focus="Please wait Working on it"),
}
OTHERS = {
    "link-preview": Look(
        (
            'dialog "Payment link"',
            'textbox "Amount in EUR"',
            'textbox "What is paid for"',
            "definition: Can be paid once",
        ),
        focus="Create link",
    ),
    "link-changed": Look(
        ("definition: Can be paid more than once", 'checkbox "Can be paid more than once" [checked]'),
        calls={"preview": 3},
    ),
    "link-already-there": Look(
        ("plink_1 is there already. It is shown again; nothing new is made or sent.", 'button "Show it"'),
        ("will be created",),
        focus="Show it",
    ),
    "link-nothing-to-pay": Look(
        (REFUSED, "Type the amount that is to be paid.", 'button "Change the details"', 'textbox "Amount"'),
        focus="This cannot",
    ),
    "link-done": Look(
        ('heading "Payment link ready" [level=3]', 'link "Open the payment link (new tab)"'), focus="Payment link ready"
    ),
    "refund-preview": Look(
        ("term: Paid", "term: This refund", "EUR 4,660.00 will be given back to the payer. This cannot be undone."),
        focus="Refund EUR 4,660.00",
    ),
    "refund-amount-unreadable": Look(
        ("Write the amount as 1234 or 1234.50", 'button "Refund" [disabled]'),
        ("will be given back",),
        focus="$50",
    ),
    "refund-payment-unknown": Look(
        ("EUR 4,660.00 will be given back to the payer. This cannot be undone.",), focus="Refund EUR 4,660.00"
    ),
    "refund-choose": Look(
        ('radiogroup "Which payment?"', 'button "Refund" [disabled]'), focus="a04000000000001AAA", calls={"overview": 2}
    ),
    "refund-fraudulent": Look(
        ('region "Please check"', "Stripe will block the card", 'button "Refund EUR 4,660.00"'), focus="Reason"
    ),
    "refund-too-large": Look(
        (REFUSED, "Only 4660.00 EUR can still be refunded.", "9999"),
        ('button "Refund EUR',),
        focus="This cannot",
    ),
    "refund-no-payment": Look((EMPTY, "no payment on this record"), focus="Nothing to do here"),
    "refund-done": Look(
        ('heading "Refund on its way" [level=3]', "paragraph: 4660.00 EUR is being refunded."),
        focus="Refund on its way",
    ),
}
EXPECTED: dict[str, Look] = {**CARD, **SENDING, **TROUBLE, **OTHERS}
