"""A customer's tax ids (docs.stripe.com/api/tax_ids)."""

from gateway.sandbox.stripe.errors import missing, refused
from gateway.sandbox.stripe.ledger import Ledger, new_id
from gateway.sandbox.stripe.listing import page
from gateway.sandbox.stripe.params import NO_PARAMS, Choice, Hash, Text, accepts, lists
from gateway.sandbox.stripe.routes import Call, delete, get, post
from gateway.sandbox.stripe.tables import Row

URL = "/v1/customers/{}/tax_ids"
# The common ones of Stripe's list; type -> how the value must begin, None: anything.
TYPES: dict[str, str | None] = {
    "eu_vat": None,
    "eu_oss_vat": "EU",
    "gb_vat": "GB",
    "us_ein": None,
    "ch_vat": "CHE",
    "ch_uid": "CHE",
    "no_vat": None,
    "au_abn": None,
    "ca_bn": None,
    "ca_gst_hst": None,
    "in_gst": None,
    "jp_cn": None,
    "nz_gst": None,
    "sg_gst": None,
    "br_cnpj": None,
    "mx_rfc": None,
    "za_vat": None,
    "ae_trn": None,
    "de_stn": None,
}
TAX_ID = Hash({"type!": Choice(tuple(TYPES)), "value!": Text(max=60)})


def attach(ledger: Ledger, customer: str, data: Row) -> Row:
    prefix = TYPES[data["type"]]
    if prefix and not data["value"].startswith(prefix):
        raise refused(f"Invalid value for {data['type']}.", "value", "tax_id_invalid")
    return ledger.add(
        {
            "id": new_id("txi"),
            "object": "tax_id",
            "country": data["value"][:2] if data["type"] == "eu_vat" else data["type"][:2].upper(),
            "created": ledger.time(),
            "customer": customer,
            "customer_account": None,
            "livemode": ledger.livemode,
            "owner": {"type": "customer", "customer": customer, "customer_account": None},
            "type": data["type"],
            "value": data["value"],
            "verification": {"status": "pending", "verified_address": None, "verified_name": None},
        },
        "customer.tax_id.created",
    )


def create(call: Call) -> Row:
    call.ledger.get("customer", call.id, "customer")
    return attach(call.ledger, call.id, call.params)


def index(call: Call) -> Row:
    call.ledger.get("customer", call.id, "customer")
    return page(call, "tax_id", URL.replace("{}", call.id), by={"customer": call.id})


def owned(call: Call) -> Row:
    row = call.ledger.get("tax_id", call.ids[1])
    if row["customer"] != call.id:
        raise missing("tax_id", call.ids[1])
    return row


def remove(call: Call) -> Row:
    return call.ledger.remove(owned(call), "customer.tax_id.deleted")


ENDPOINTS = (
    post(URL, create, accepts({"type!": Choice(tuple(TYPES)), "value!": Text(max=60)}), "customer", "tax_id"),
    get(URL, index, lists(created=False), "customer", "list:tax_id"),
    get(f"{URL}/{{}}", owned, accepts({}), "customer", "tax_id"),
    delete(f"{URL}/{{}}", remove, NO_PARAMS, "customer", "tax_id"),
)
