/** Texts from values: filled labels, money, moments, the message of an error, a link that may be shown. */
import locale from '@salesforce/i18n/locale';

/** A label with its placeholders {0}, {1} … filled. */
export function fill(text, ...values) {
    return text.replace(/\{(\d)\}/g, (_, n) => values[n] ?? '');
}

/** "EUR 1,200.00". The code stands in front, because "$" alone does not say whose dollar. Decimal text stays text. */
export function money(amount, currencyCode) {
    if (amount === null || amount === undefined || amount === '') {
        return '';
    }
    try {
        const style = { style: 'currency', currency: currencyCode, currencyDisplay: 'code' };
        return new Intl.NumberFormat(locale, style).format(amount);
    } catch {
        return `${amount} ${currencyCode ?? ''}`.trim();
    }
}

/** Whether decimal text is something other than zero, without reading it as a float. */
export function isSome(amount) {
    return /[1-9]/.test(String(amount ?? ''));
}

/** A time of day, with the day in front when it was not today. */
export function moment(value, now = new Date()) {
    const date = new Date(value);
    if (Number.isNaN(date.getTime())) {
        return '';
    }
    const isToday = date.toDateString() === now.toDateString();
    const style = { dateStyle: isToday ? undefined : 'medium', timeStyle: 'short' };
    return new Intl.DateTimeFormat(locale, style).format(date);
}

/** A calendar day; YYYY-MM-DD is that day everywhere, not midnight in London. */
export function day(value) {
    const [year, month, date] = String(value ?? '')
        .slice(0, 10)
        .split('-')
        .map(Number);
    if (!year || !month || !date) {
        return '';
    }
    return new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }).format(new Date(year, month - 1, date));
}

/** Texts with a key each, for templates: two that are equal must not share one. */
export function numbered(texts) {
    return texts.map((text, key) => ({ key, text }));
}

/** What Apex or the network says went wrong, or the words given. */
export function messageOf(error, otherwise) {
    const body = error?.body;
    if (Array.isArray(body)) {
        return body.map((each) => each.message).join(' ') || otherwise;
    }
    return body?.message || otherwise;
}

/** The address if it is one of the web, else empty: nothing else may become a link. */
export function webAddress(url) {
    return /^https?:\/\//i.test(url ?? '') ? url : '';
}

// Before one or two digits a point or a comma is a decimal sign wherever the person comes from. Before three, either could
// group thousands, and only the point is taken, where the currency has three decimals.
const AMOUNT = /^\d+(?:[.,]\d{1,2})?$/;
const AMOUNT_OF_THREE = /^\d+(?:[.,]\d{1,2}|\.\d{3})?$/;

function decimalsOf(currencyCode) {
    try {
        const style = { style: 'currency', currency: currencyCode };
        return new Intl.NumberFormat(locale, style).resolvedOptions().maximumFractionDigits;
    } catch {
        return 2; // none is known yet
    }
}

/** What was typed as the gateway takes it: '' for nothing, null for what is no amount or could be two. */
export function amountOf(typed, currencyCode) {
    const text = String(typed ?? '').trim();
    const amount = decimalsOf(currencyCode) === 3 ? AMOUNT_OF_THREE : AMOUNT;
    return text === '' || amount.test(text) ? text.replace(',', '.') : null;
}
