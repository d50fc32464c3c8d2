import { LightningElement, api } from 'lwc';
import labels from 'c/stripeLinkLabels';
import { fill, webAddress } from 'c/stripeText';

/** A hosted page of Stripe: shown, opened in a new tab, copied. */
export default class StripeLink extends LightningElement {
    /** Its address; anything but http and https is shown as nothing. */
    @api url;
    /** What the page is of, as a noun: "the invoice". */
    @api name;

    labels = labels;
    told = '';

    get address() {
        return webAddress(this.url);
    }

    get addressLabel() {
        return fill(labels.address, this.name);
    }

    get openLabel() {
        return fill(labels.openLabel, this.name);
    }

    get copyLabel() {
        return fill(labels.copyLabel, this.name);
    }

    handleFocus(event) {
        event.target.select();
    }

    async handleCopy() {
        try {
            await navigator.clipboard.writeText(this.address);
            this.told = labels.copied;
        } catch {
            // Some browsers and the mobile app refuse the clipboard: the address is selected for copying by hand.
            this.told = labels.copyFailed;
            this.template.querySelector('input').focus();
        }
    }
}
