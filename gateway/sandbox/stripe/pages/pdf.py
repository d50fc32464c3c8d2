"""An invoice as a PDF of one page: plain text, written by hand so that the sandbox needs no library for it."""

from datetime import UTC, datetime

from gateway.sandbox.stripe.currencies import shown
from gateway.sandbox.stripe.tables import Row

TOP, LEFT, LEADING = 780, 60, 18
FITS = 36


def text_lines(invoice: Row, lines: list[Row]) -> list[str]:
    currency = invoice["currency"]
    issued = datetime.fromtimestamp(invoice["effective_at"] or invoice["created"], UTC).strftime("%d %b %Y")
    head = [
        f"{invoice['account_name']}",
        f"Invoice {invoice['number'] or '(draft)'}   {issued}",
        f"Bill to: {invoice['customer_name'] or ''}  {invoice['customer_email'] or ''}",
        "",
    ]
    body = [f"{row['quantity_decimal']} x {row['description']}    {shown(row['amount'], currency)}" for row in lines]
    if len(body) > FITS:
        body = [*body[:FITS], f"… and {len(lines) - FITS} more lines"]
    foot = [
        "",
        f"Subtotal  {shown(invoice['subtotal'], currency)}",
        f"Total     {shown(invoice['total'], currency)}",
        f"Due       {shown(invoice['amount_remaining'], currency)}",
    ]
    return [*head, *body, *foot]


def escaped(text: str) -> bytes:
    raw = text.encode("cp1252", "replace")
    return raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def pdf_of(invoice: Row, lines: list[Row]) -> bytes:
    shows = b" T* ".join(b"(" + escaped(line) + b") Tj" for line in text_lines(invoice, lines))
    content = f"BT /F1 11 Tf {LEADING} TL {LEFT} {TOP} Td ".encode() + shows + b" ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length " + str(len(content)).encode() + b" >>\nstream\n" + content + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Font << /F1 5 0 R >> >>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    size = len(objects) + 1
    xref = f"xref\n0 {size}\n0000000000 65535 f \n".encode() + table
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n".encode()
    return out + xref + trailer
