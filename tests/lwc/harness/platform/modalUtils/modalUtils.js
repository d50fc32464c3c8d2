// Missing from the published base components. On the platform it brings a lost focus back into the dialog; here the
// page behind is inert, so the focus cannot be lost to it.
export function modalFocusinEventHandler() {}
