"""send-invoice: an invoice of exactly the record's lines, finalized and mailed by Stripe. Four calls."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.actions import Action, Amount, Context, CurrencyCode, Reads, Request, SalesforceId, metadata
from gateway.actions import lines as line_items
from gateway.actions.customers import email
from gateway.actions.invoice_terms import LONGEST_TERM, Terms, due_params, invoiced, resolve
from gateway.actions.lines import Line, LineRequest
from gateway.actions.recipients import MAILED_TO, Recipient, address_again, address_first, recipient
from gateway.errors import Rejected
from gateway.money import Money, written
from gateway.records import Json, Lookup, Plan, Step, StepKind, hole

_MOST_FIELDS = 4  # Stripe: custom_fields of an invoice
PO_NUMBER, REFERENCE = "PO number", "Reference"  # what these are called on the invoice; projections know them by it


class CustomField(BaseModel):
    """A labelled text on the invoice (Stripe takes 40 and 140 characters)."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str = Field(min_length=1, max_length=40, description="Label")
    value: str = Field(min_length=1, max_length=140, description="Text")


class SendInvoice(Request):
    """Members of send-invoice: lines, recipient and currency come from the record where they are not sent."""

    examples = (
        {"record_id": "0065g00000AbCdEAAV"},
        {"record_id": "0065g00000AbCdEAAV", "portion_percent": "30", "days_until_due": 14, "po_number": "PO-4711",
         "request_key": "f3b4c1de-0a8e-4c57-8a51-1f2d3c4b5a69"},
        {"record_id": "0065g00000AbCdEAAV", "currency": "USD", "recipient_email": "accounts@example.com",
         "lines": [{"description": "Frames", "quantity": "2", "unit_price": "1200.00"},
                   {"description": "Service", "amount": "180.00"}]},
    )  # fmt: skip

    account_id: SalesforceId | None = Field(None, description="Account to bill; default: the record's")
    contact_id: SalesforceId | None = Field(
        None, description="Contact who receives the bill; default: by the bill-to rule"
    )
    recipient_email: str | None = Field(None, description="Where the invoice goes; default: by the bill-to rule")
    currency: CurrencyCode | None = Field(None, description="ISO code; default: the record's, then the entity's")
    lines: list[LineRequest] = Field(
        default_factory=list, max_length=250, description="What is sold; default: the record's own products"
    )
    line_ids: Annotated[list[SalesforceId], AfterValidator(lambda ids: sorted(set(ids)))] = Field(
        default_factory=list, max_length=250, description="Invoice only these lines"
    )
    portion_percent: Amount | None = Field(None, description="Invoice a share of the record, e.g. a deposit")
    portion_amount: Amount | None = Field(None, description="Invoice this much of the record, in major units")
    discount_amount: Amount | None = Field(None, description="Taken off the sum, shown as a line of its own")
    days_until_due: int | None = Field(None, ge=1, le=LONGEST_TERM, description="Payment term; default: the entity's")
    due_date: str | None = Field(
        None, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="YYYY-MM-DD, the end of that day; or days_until_due"
    )
    description: str | None = Field(None, max_length=1500, description="Text above the lines")
    footer: str | None = Field(None, max_length=5000, description="Text below the lines")
    custom_fields: list[CustomField] = Field(
        default_factory=list, max_length=_MOST_FIELDS, description="Labelled texts, PO number and reference included"
    )
    po_number: str | None = Field(None, max_length=140, description="Purchase order; default: the mapped field")
    reference: str | None = Field(None, max_length=140, description="Your reference; default: the mapped field")
    automatic_tax: bool | None = Field(None, description="Let Stripe Tax work out the tax; default: the entity's")
    tax_rates: list[str] = Field(default_factory=list, max_length=5, description="Tax rates of every line, txr_…")
    replace: bool = Field(False, description="Void the record's open invoice and send this one instead")
    additional: bool = Field(False, description="A further invoice beside an open one; needs a request key")


def check(request: SendInvoice) -> None:
    """What is wrong with the body whatever the record says: 422 before anything is recorded."""
    email(request.recipient_email)
    if request.days_until_due and request.due_date:
        raise Rejected("invalid_due_date", "Send days_until_due or due_date, not both.", field="due_date")
    if request.portion_percent is not None and request.portion_amount is not None:
        raise Rejected("invalid_portion", "Send portion_percent or portion_amount, not both.", field="portion_percent")
    if request.lines and request.line_ids:
        raise Rejected("invalid_line", "Send lines, or line_ids of the record, not both.", field="line_ids")
    if request.automatic_tax and (request.tax_rates or any(line.tax_rates for line in request.lines)):
        raise Rejected("invalid_tax", "Send tax_rates or automatic_tax, not both.", field="automatic_tax")
    if request.replace and request.additional:
        raise Rejected("invalid_member", "Send replace or additional, not both.", field="additional")
    names = [f.name.strip().casefold() for f in request.custom_fields]
    names += [
        name.casefold() for name, sent in ((PO_NUMBER, request.po_number), (REFERENCE, request.reference)) if sent
    ]
    if len(set(names)) < len(names):
        raise Rejected("invalid_member", "Two labelled fields have the same name.", field="custom_fields")
    if request.additional and not request.request_key:
        raise Rejected("request_key_required", "additional needs a request_key.", field="request_key")
    for name in ("portion_amount", "discount_amount"):
        _readable(getattr(request, name), request.currency, name)
    if request.currency is not None:
        line_items.from_body(request.lines, Money.parse("0", request.currency, field="currency").currency)


def _readable(amount: Amount | None, currency: str | None, field: str) -> None:
    if amount is not None and currency is None:
        written(amount, field=field)
    elif amount is not None:
        Money.parse(amount, str(currency), field=field)


def reads(request: SendInvoice) -> Reads:
    """Nothing is read where the body carries lines, currency, account and recipient, and no contact to look at."""
    complete = request.lines and request.currency and request.account_id and request.recipient_email
    recipient = request.contact_id is not None or request.recipient_email is None
    return Reads(source=not complete or request.contact_id is not None, live="invoice", recipient=recipient)


def plan(request: SendInvoice, context: Context) -> Plan:
    """The invoice, decided. Nothing to invoice, below the minimum, past due, no address: refused before any call."""
    terms = resolve(request, context)
    who = recipient(request, context)
    due = due_params(request, context)
    steps = (*_replaced(request, context), *_steps(request, context, terms, due, who))
    return Plan(
        action=ACTION.name,
        entity=context.entity.name,
        steps=steps,
        content=_content(request, context, terms),
        summary={
            "customer": context.party.name if context.party else None,
            "recipient": who.email,
            "recipient_why": who.why,
            "candidates": who.candidates,
            "lines": line_items.shown(terms.lines, terms.currency),
            "total": Money(terms.minor, terms.currency).text,
            "currency": terms.currency.upper(),
            "due": due,
            "warnings": [*terms.warnings, *who.warnings],
            **invoiced(request, context, terms),
        },
        result="invoice",
        holes={"customer": context.customer.stripe_id} if context.customer and context.customer.stripe_id else {},
        amount_minor=terms.minor,
        currency=terms.currency,
    )


def _content(request: SendInvoice, context: Context, terms: Terms) -> dict[str, Json]:
    return {
        "entity": context.entity.name,
        "customer": context.customer.source_id if context.customer else None,
        "lines": line_items.content(terms.lines),
        "currency": terms.currency,
        "reference": terms.reference,
        "tax": sorted(request.tax_rates) or terms.automatic_tax,
    }


def _replaced(request: SendInvoice, context: Context) -> tuple[Step, ...]:
    if not request.replace:
        return ()
    return tuple(
        Step(
            f"void_{n}" if n else "void",
            "POST",
            f"/v1/invoices/{live.stripe_id}/void",
            kind=StepKind.STATE,
            lookup=Lookup(f"/v1/invoices/{live.stripe_id}", done_when={"status": ("void",)}),
            saves={f"voided_{n}" if n else "voided": "id"},
        )
        for n, live in enumerate(context.live)
        if live.status in {"open", "uncollectible"}
    )


def _steps(request: SendInvoice, context: Context, terms: Terms, due: dict[str, Json], who: Recipient) -> list[Step]:
    undo = {"method": "DELETE", "path": "/v1/invoices/{invoice}"}
    draft = Lookup("/v1/invoices", {"customer": hole("customer")})
    saves = {"invoice": "id", "invoice.status": "status"}
    told = {MAILED_TO: ("customer_email", who.email)}
    as_shown: dict[str, tuple[Json, str]] = (
        {} if who.confirmed else {"customer_email": (who.email, "recipient_differs")}
    )
    create = Step(
        "invoice", "POST", "/v1/invoices", _create(request, context, terms, due),
        lookup=draft, saves=saves, compares=told, undo=undo, expect=as_shown,
    )  # fmt: skip
    done = Lookup("/v1/invoices/{invoice}", done_when={"status": ("open", "paid", "void", "uncollectible")})
    path = "/v1/invoices/{invoice}"
    return [
        *address_first(who, context),
        create,
        *_chunks(context, terms, undo),
        *address_again(who, undo),
        Step(
            "finalize", "POST", f"{path}/finalize", {"auto_advance": False}, StepKind.STATE, done, saves,
            compares=told, undo=undo,
        ),
        Step(
            "send", "POST", f"{path}/send", {}, StepKind.SILENT,
            saves=saves, skip_if={"invoice.status": ("paid",)}, only_if={MAILED_TO: ("same", _NOT_MAILED)},
        ),
    ]  # fmt: skip


_NOT_MAILED = (
    "It was not mailed, because the customer's address at Stripe was changed at the same moment: send the link "
    "yourself."
)


def _create(request: SendInvoice, context: Context, terms: Terms, due: dict[str, Json]) -> dict[str, Json]:
    fields = _custom_fields(request, terms)
    params: dict[str, Json] = {
        "customer": hole("customer"),
        "currency": terms.currency,
        "collection_method": "send_invoice",
        **due,
        "auto_advance": False,
        "pending_invoice_items_behavior": "exclude",
        "description": request.description,
        "footer": request.footer,
        "custom_fields": fields or None,
        "automatic_tax": {"enabled": True} if terms.automatic_tax else None,
        "default_tax_rates": list(request.tax_rates) or None,
        "metadata": {
            **metadata(context, "invoice"),
            **({"sf_reference": terms.reference[:500]} if terms.reference else {}),
        },
    }
    return {k: v for k, v in params.items() if v is not None}


def _custom_fields(request: SendInvoice, terms: Terms) -> list[Json]:
    """What is shown with a label of its own. A field of the caller's stands above one that comes from the record."""
    fields = [{"name": f.name, "value": f.value} for f in request.custom_fields]
    taken = {f.name.strip().casefold() for f in request.custom_fields}
    for name, value in ((PO_NUMBER, terms.po_number), (REFERENCE, terms.reference)):
        if value and name.casefold() not in taken:
            fields.append({"name": name, "value": value[:140]})
    if len(fields) > _MOST_FIELDS:
        raise Rejected(
            "too_many_fields",
            f"An invoice shows {_MOST_FIELDS} labelled fields; with PO number and reference these are {len(fields)}: "
            "send fewer custom_fields.",
            field="custom_fields", http_status=200,
        )  # fmt: skip
    return fields


def _chunks(context: Context, terms: Terms, undo: dict[str, str]) -> list[Step]:
    size, so_far, steps = context.entity.lines_per_call, 0, []
    for n, start in enumerate(range(0, len(terms.lines), size)):
        chunk: tuple[Line, ...] = terms.lines[start : start + size]
        so_far += line_items.total(chunk)
        last = start + size >= len(terms.lines)
        steps.append(
            Step(
                f"lines_{n}" if n else "lines",
                "POST",
                "/v1/invoices/{invoice}/add_lines",
                {"lines": line_items.invoice_lines(chunk, terms.currency)},
                StepKind.STATE,
                Lookup("/v1/invoices/{invoice}", done_when={"subtotal": (so_far,)}),
                saves={"invoice": "id"},
                undo=undo,
                expect=_expected(terms, so_far) if last else {},
            )
        )
    return steps


def _expected(terms: Terms, subtotal: int) -> dict[str, tuple[Json, str]]:
    tax: dict[str, tuple[Json, str]] = {"automatic_tax.status": ("complete", "tax_incomplete")}
    return {"subtotal": (subtotal, "amount_mismatch"), **(tax if terms.automatic_tax else {})}


ACTION = Action(
    name="send-invoice",
    label="Send Stripe invoice",
    request=SendInvoice,
    reads=reads,
    check=check,
    plan=plan,
    stripe="invoice",
    sobjects=("Account", "Contact", "Opportunity", "Order", "Quote", "Case"),
    customer=True,
    result={"stripe_id": "id", "stripe_status": "status", "number": "number", "url": "hosted_invoice_url"},
    columns={
        "Requested_Currency__c": "currency",
        "Requested_Amount__c": "portion_amount",
        "Portion_Percent__c": "portion_percent",
        "Recipient_Email__c": "recipient_email",
        "Recipient_Contact__c": "contact_id",
        "Due_Date__c": "due_date",
        "Days_Until_Due__c": "days_until_due",
        "Description__c": "description",
        "Footer__c": "footer",
        "Po_Number__c": "po_number",
        "Reference__c": "reference",
        "Replace_Open_Invoice__c": "replace",
        "Additional_Invoice__c": "additional",
        "Lines_Json__c": "lines",
    },
    done="Invoice {number} over {amount} {currency} was sent.",
)
