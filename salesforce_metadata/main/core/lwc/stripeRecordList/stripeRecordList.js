import { LightningElement, api } from 'lwc';
import labels from 'c/stripeLinkLabels';
import { fill, webAddress } from 'c/stripeText';

// The word is always there; the colour only helps.
const THEMES = {
    Paid: 'slds-theme_success',
    Succeeded: 'slds-theme_success',
    Completed: 'slds-theme_success',
    Failed: 'slds-theme_error',
    Uncollectible: 'slds-theme_error'
};

/** Invoices, links or refunds of a record: what it is, how it stands, and its page to copy or open. */
export default class StripeRecordList extends LightningElement {
    @api heading;
    /** id, title, status, statusLabel (its name in the user's language), facts (texts), alert, url, name (what it is of). */
    @api items = [];

    labels = labels;
    told = '';

    get hasItems() {
        return this.items.length > 0;
    }

    get shown() {
        return this.items.map((item) => ({
            ...item,
            facts: item.facts.filter(Boolean).join(' · '),
            href: webAddress(item.url),
            statusText: item.statusLabel ?? item.status,
            statusClass: `slds-badge ${THEMES[item.status] ?? ''}`,
            copyLabel: fill(labels.copyLabel, item.name),
            openLabel: fill(labels.openLabel, item.name)
        }));
    }

    async handleCopy(event) {
        try {
            await navigator.clipboard.writeText(event.currentTarget.dataset.href);
            this.told = labels.copied;
        } catch {
            this.told = labels.copyRefused;
        }
    }
}
