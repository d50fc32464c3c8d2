"""What payments leave behind: intents, charges, invoice payments, disputes, balance transactions; read only."""

from gateway.sandbox.stripe import payments
from gateway.sandbox.stripe.errors import invalid
from gateway.sandbox.stripe.ledger import merge_metadata
from gateway.sandbox.stripe.listing import page
from gateway.sandbox.stripe.params import CURRENCY, ID, Choice, Hash, Metadata, Text, Whole, accepts, lists
from gateway.sandbox.stripe.resources.shapes import picked
from gateway.sandbox.stripe.routes import Call, Endpoint, Handler, get, post
from gateway.sandbox.stripe.tables import Row

TYPES = ("payment_intent", "payment_record")
PAYMENT = Hash({"type!": Choice(TYPES), "payment_intent": ID, "payment_record": ID})
INTENT = accepts(
    {
        "amount!": Whole(min=1),
        "currency!": CURRENCY,
        "customer": ID,
        "description": Text(max=1000),
        "metadata": Metadata(clear=False),
    }
)


def retrieve(kind: str) -> Handler:
    return lambda call: call.ledger.get(kind, call.id)


def listing(kind: str, url: str, indexed: tuple[str, ...]) -> Handler:
    return lambda call: page(call, kind, url, by=picked(call.params, indexed))


def list_invoice_payments(call: Call) -> Row:
    by = picked(call.params, ("invoice",))
    wanted = call.params.get("payment")
    if wanted is not None:
        if "payment_intent" not in wanted or wanted["type"] != "payment_intent":
            raise invalid("The sandbox finds invoice payments by payment_intent only.", "payment[type]")
        by["payment_intent"] = wanted["payment_intent"]
    status = call.params.get("status")
    return page(
        call,
        "invoice_payment",
        "/v1/invoice_payments",
        by=by,
        keep=lambda row: status is None or row["status"] == status,
    )


def list_balance_transactions(call: Call) -> Row:
    wanted = picked(call.params, ("type", "currency"))
    return page(
        call,
        "balance_transaction",
        "/v1/balance_transactions",
        by=picked(call.params, ("source",)),
        keep=lambda row: all(row[name] == value for name, value in wanted.items()),
    )


def create_intent(call: Call) -> Row:
    """For payments that are attached to an invoice later; confirming one is a control call."""
    params = call.params
    payments.check_amount(params["amount"], params["currency"])
    if "customer" in params:
        call.ledger.named("customer", params["customer"], "customer")
    metadata = merge_metadata({}, params.get("metadata", {}))
    given = {"description": params.get("description"), "metadata": metadata}
    return payments.new_intent(call.ledger, params["amount"], params["currency"], params.get("customer"), **given)


def family(kind: str, url: str, indexed: tuple[str, ...], scope: str) -> tuple[Endpoint, Endpoint]:
    """List and retrieve."""
    filters = dict.fromkeys(indexed, ID)
    return (
        get(url, listing(kind, url, indexed), lists(filters), scope, f"list:{kind}"),
        get(f"{url}/{{}}", retrieve(kind), accepts({}), scope, kind),
    )


ENDPOINTS = (
    *family("payment_intent", "/v1/payment_intents", ("customer",), "payment_intent"),
    post("/v1/payment_intents", create_intent, INTENT, "payment_intent", "payment_intent"),
    *family("charge", "/v1/charges", ("customer", "payment_intent"), "charge"),
    *family("dispute", "/v1/disputes", ("charge", "payment_intent"), "dispute"),
    get(
        "/v1/invoice_payments",
        list_invoice_payments,
        lists({"invoice": ID, "payment": PAYMENT, "status": Choice(("canceled", "open", "paid"))}),
        "invoice",
        "list:invoice_payment",
    ),
    get("/v1/invoice_payments/{}", retrieve("invoice_payment"), accepts({}), "invoice", "invoice_payment"),
    get(
        "/v1/balance_transactions",
        list_balance_transactions,
        lists({"source": ID, "type": Text(), "currency": CURRENCY}),
        "balance_transaction_source",
        "list:balance_transaction",
    ),
    get(
        "/v1/balance_transactions/{}",
        retrieve("balance_transaction"),
        accepts({}),
        "balance_transaction_source",
        "balance_transaction",
    ),
)
