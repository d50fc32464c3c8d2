import { LightningElement, api } from 'lwc';
import labels from 'c/stripePanelLabels';

/** Who gets the invoice: one of the contacts, or an address that is typed. Fires `choose` with the gateway's members. */
export default class StripeRecipientChooser extends LightningElement {
    /** Contacts and other addresses that are known: contactId, name, email, why. */
    @api candidates = [];
    /** Address that is chosen now. */
    @api current;

    labels = labels;
    typed = '';
    told = '';
    picked;

    @api
    focus() {
        const first = this.template.querySelector('.contacts') ?? this.template.querySelector('.other');
        first.focus();
    }

    get reachable() {
        return this.candidates.filter((candidate) => candidate.email);
    }

    get hasContacts() {
        return this.reachable.length > 0;
    }

    get choices() {
        return this.reachable.map(({ name, email, why }) => ({
            value: email,
            label: [name, email, why].filter(Boolean).join(' · ')
        }));
    }

    get chosen() {
        const known = this.reachable.map(({ email }) => email);
        return this.picked ?? (known.includes(this.current) ? this.current : known[0]);
    }

    handleChoice(event) {
        this.picked = event.detail.value;
        this.typed = '';
    }

    handleTyped(event) {
        this.typed = event.detail.value;
    }

    handleKeydown(event) {
        if (event.key === 'Enter') {
            this.handleUse();
        }
    }

    handleUse() {
        const typed = (this.typed ?? '').trim();
        const contact = this.reachable.find(({ email }) => email === this.chosen);
        if (!typed && !contact) {
            this.told = labels.recipientMissing;
            return;
        }
        this.told = '';
        const byContact = contact?.contactId ? { contact_id: contact.contactId } : { recipient_email: contact?.email };
        this.dispatchEvent(new CustomEvent('choose', { detail: typed ? { recipient_email: typed } : byContact }));
    }
}
