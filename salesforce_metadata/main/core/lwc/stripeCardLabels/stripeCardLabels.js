/** The words of the Stripe payments card. */
import billing from '@salesforce/label/c.Stripe_Card_Billing';
import due from '@salesforce/label/c.Stripe_Card_Due';
import invoiceLink from '@salesforce/label/c.Stripe_Card_Invoice_Link';
import invoiceNoNumber from '@salesforce/label/c.Stripe_Card_Invoice_No_Number';
import invoices from '@salesforce/label/c.Stripe_Card_Invoices';
import linkOf from '@salesforce/label/c.Stripe_Card_Link_Of';
import links from '@salesforce/label/c.Stripe_Card_Links';
import loadFailed from '@salesforce/label/c.Stripe_Card_Load_Failed';
import loading from '@salesforce/label/c.Stripe_Card_Loading';
import noPermission from '@salesforce/label/c.Stripe_Card_No_Permission';
import notConnected from '@salesforce/label/c.Stripe_Card_Not_Connected';
import notConnectedHelp from '@salesforce/label/c.Stripe_Card_Not_Connected_Help';
import nothingYet from '@salesforce/label/c.Stripe_Card_Nothing_Yet';
import overdue from '@salesforce/label/c.Stripe_Card_Overdue';
import paymentLink from '@salesforce/label/c.Stripe_Card_Payment_Link';
import reason from '@salesforce/label/c.Stripe_Card_Reason';
import refund from '@salesforce/label/c.Stripe_Card_Refund';
import refundOf from '@salesforce/label/c.Stripe_Card_Refund_Of';
import refunds from '@salesforce/label/c.Stripe_Card_Refunds';
import remaining from '@salesforce/label/c.Stripe_Card_Remaining';
import running from '@salesforce/label/c.Stripe_Card_Running';
import runningSince from '@salesforce/label/c.Stripe_Card_Running_Since';
import sendInvoice from '@salesforce/label/c.Stripe_Card_Send_Invoice';
import title from '@salesforce/label/c.Stripe_Card_Title';
import tryAgain from '@salesforce/label/c.Stripe_Card_Try_Again';
import waitsForApproval from '@salesforce/label/c.Stripe_Card_Waits_For_Approval';

export default {
    billing,
    due,
    invoiceLink,
    invoiceNoNumber,
    invoices,
    linkOf,
    links,
    loadFailed,
    loading,
    noPermission,
    notConnected,
    notConnectedHelp,
    nothingYet,
    overdue,
    paymentLink,
    reason,
    refund,
    refundOf,
    refunds,
    remaining,
    running,
    runningSince,
    sendInvoice,
    title,
    tryAgain,
    waitsForApproval,
};
