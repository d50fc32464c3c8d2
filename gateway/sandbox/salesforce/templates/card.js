// Mounts the package's own card. Apex is the simulator's controller; what the card learns, the page shows too.
(() => {
    const place = document.getElementById('stripe-payments');
    const { record, object, viewer } = place.dataset;
    const CONTROLLER = 'StripePaymentsController';

    async function apex(method, parameters) {
        const failed = (message) => ({ body: { message } });
        let response;
        try {
            response = await fetch(`/apex/${CONTROLLER}.${method}?as=${viewer}`, {
                method: 'POST',
                headers: { 'Content-Type': 'application/json' },
                body: JSON.stringify(parameters)
            });
        } catch {
            throw failed('Salesforce did not answer.');
        }
        const value = await response.json().catch(() => failed(`Salesforce answered ${response.status}.`));
        if (!response.ok) {
            throw value.body ? value : failed(`Salesforce answered ${response.status}.`);
        }
        return value;
    }

    async function refreshPage() {
        const response = await fetch(location.href);
        const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
        for (const part of document.querySelectorAll('[data-live]')) {
            const replacement = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
            if (replacement && replacement.innerHTML !== part.innerHTML) {
                part.innerHTML = replacement.innerHTML;
            }
        }
    }

    let isFirst = true;
    const methods = ['overview', 'preview', 'run', 'find', 'contacts'].map((method) => [
        `${CONTROLLER}.${method}`,
        (parameters) => {
            if (method === 'overview' && !isFirst) {
                refreshPage().catch(() => {});
            }
            isFirst = false;
            return apex(method, parameters);
        }
    ]);
    window.__apex = Object.fromEntries(methods);
    window.StripePayments.mount(place, 'card', { recordId: record, objectApiName: object });
})();
