"""What a person does with the simulators' pages: open them, find the form, press the button."""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin

import requests

_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_ACTION = re.compile(r'action="([^"]*)"')
_INPUT = re.compile(r'<input\b[^>]*name="([^"]+)"[^>]*value="([^"]*)"')
_BUTTON = re.compile(r'<button\b[^>]*name="([^"]+)"[^>]*value="([^"]*)"')


class NoSuchButton(LookupError):
    """The page has no such form."""


def press(url: str, word: str) -> requests.Response:
    """Open ``url`` and send the first form whose markup has ``word``, with the values it shows."""
    page = requests.get(url, timeout=30)
    page.raise_for_status()
    for attributes, inside in _FORM.findall(page.text):
        if word.lower() not in (attributes + inside).lower():
            continue
        action = _ACTION.search(attributes)
        target = urljoin(url, html.unescape(action.group(1))) if action else url
        values = {name: html.unescape(value) for name, value in (*_INPUT.findall(inside), *_BUTTON.findall(inside))}
        answer = requests.post(target, data=values, timeout=30)
        answer.raise_for_status()
        return answer
    raise NoSuchButton(f"no form with {word!r} on {url}")


def pay_invoice(url: str) -> requests.Response:
    """Pay the whole invoice on its hosted page."""
    return press(url, "pay")
