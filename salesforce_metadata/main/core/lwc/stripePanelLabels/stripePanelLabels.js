/** The words of the panel that sends, links and refunds. */
import confirmInvoice from '@salesforce/label/c.Stripe_Card_Send_Invoice';
import tryAgain from '@salesforce/label/c.Stripe_Card_Try_Again';
import approvalTitle from '@salesforce/label/c.Stripe_Card_Waits_For_Approval';
import account from '@salesforce/label/c.Stripe_Panel_Account';
import addInvoice from '@salesforce/label/c.Stripe_Panel_Add_Invoice';
import alreadyRunning from '@salesforce/label/c.Stripe_Panel_Already_Running';
import alreadyRunningHelp from '@salesforce/label/c.Stripe_Panel_Already_Running_Help';
import amount from '@salesforce/label/c.Stripe_Panel_Amount';
import lineAmount from '@salesforce/label/c.Stripe_Panel_Amount';
import linkAmount from '@salesforce/label/c.Stripe_Panel_Amount';
import amountInvalid from '@salesforce/label/c.Stripe_Panel_Amount_Invalid';
import approval from '@salesforce/label/c.Stripe_Panel_Approval';
import cancel from '@salesforce/label/c.Stripe_Panel_Cancel';
import changeDetails from '@salesforce/label/c.Stripe_Panel_Change_Details';
import changeRecipient from '@salesforce/label/c.Stripe_Panel_Change_Recipient';
import choosePayment from '@salesforce/label/c.Stripe_Panel_Choose_Payment';
import choosePaymentFirst from '@salesforce/label/c.Stripe_Panel_Choose_Payment_First';
import chooseRecipient from '@salesforce/label/c.Stripe_Panel_Choose_Recipient';
import closeWord from '@salesforce/label/c.Stripe_Panel_Close';
import confirmLink from '@salesforce/label/c.Stripe_Panel_Confirm_Link';
import confirmRefund from '@salesforce/label/c.Stripe_Panel_Confirm_Refund';
import confirmShow from '@salesforce/label/c.Stripe_Panel_Confirm_Show';
import customer from '@salesforce/label/c.Stripe_Panel_Customer';
import details from '@salesforce/label/c.Stripe_Panel_Details';
import doneAlready from '@salesforce/label/c.Stripe_Panel_Done_Already';
import doneInvoice from '@salesforce/label/c.Stripe_Panel_Done_Invoice';
import doneLink from '@salesforce/label/c.Stripe_Panel_Done_Link';
import doneRefund from '@salesforce/label/c.Stripe_Panel_Done_Refund';
import doneUpdate from '@salesforce/label/c.Stripe_Panel_Done_Update';
import due from '@salesforce/label/c.Stripe_Panel_Due';
import emptyNoPayment from '@salesforce/label/c.Stripe_Panel_Empty_No_Payment';
import emptyNoPermission from '@salesforce/label/c.Stripe_Panel_Empty_No_Permission';
import emptyNotConnected from '@salesforce/label/c.Stripe_Panel_Empty_Not_Connected';
import emptyTitle from '@salesforce/label/c.Stripe_Panel_Empty_Title';
import entity from '@salesforce/label/c.Stripe_Panel_Entity';
import errorNothingSent from '@salesforce/label/c.Stripe_Panel_Error_Nothing_Sent';
import errorSafe from '@salesforce/label/c.Stripe_Panel_Error_Safe';
import errorTitle from '@salesforce/label/c.Stripe_Panel_Error_Title';
import invoicePage from '@salesforce/label/c.Stripe_Panel_Invoice_Page';
import invoicedSoFar from '@salesforce/label/c.Stripe_Panel_Invoiced_So_Far';
import line from '@salesforce/label/c.Stripe_Panel_Line';
import lineDescription from '@salesforce/label/c.Stripe_Panel_Line_Description';
import lineDescriptionHelp from '@salesforce/label/c.Stripe_Panel_Line_Description_Help';
import lines from '@salesforce/label/c.Stripe_Panel_Lines';
import linkAmountHelp from '@salesforce/label/c.Stripe_Panel_Link_Amount_Help';
import linkAmountIn from '@salesforce/label/c.Stripe_Panel_Link_Amount_In';
import linkDescription from '@salesforce/label/c.Stripe_Panel_Link_Description';
import linkDescriptionHelp from '@salesforce/label/c.Stripe_Panel_Link_Description_Help';
import linkPage from '@salesforce/label/c.Stripe_Panel_Link_Page';
import loading from '@salesforce/label/c.Stripe_Panel_Loading';
import loadingNothingDone from '@salesforce/label/c.Stripe_Panel_Loading_Nothing_Done';
import lookAgain from '@salesforce/label/c.Stripe_Panel_Look_Again';
import noContacts from '@salesforce/label/c.Stripe_Panel_No_Contacts';
import notArrived from '@salesforce/label/c.Stripe_Panel_Not_Arrived';
import once from '@salesforce/label/c.Stripe_Panel_Once';
import openFirst from '@salesforce/label/c.Stripe_Panel_Open_First';
import openFirstPlain from '@salesforce/label/c.Stripe_Panel_Open_First_Plain';
import otherRecipient from '@salesforce/label/c.Stripe_Panel_Other_Recipient';
import paid from '@salesforce/label/c.Stripe_Panel_Paid';
import pending from '@salesforce/label/c.Stripe_Panel_Pending';
import pendingTitle from '@salesforce/label/c.Stripe_Panel_Pending_Title';
import previewAgain from '@salesforce/label/c.Stripe_Panel_Preview_Again';
import quantity from '@salesforce/label/c.Stripe_Panel_Quantity';
import reasonDuplicate from '@salesforce/label/c.Stripe_Panel_Reason_Duplicate';
import reasonFraudulent from '@salesforce/label/c.Stripe_Panel_Reason_Fraudulent';
import reasonNone from '@salesforce/label/c.Stripe_Panel_Reason_None';
import reasonRequested from '@salesforce/label/c.Stripe_Panel_Reason_Requested';
import recipient from '@salesforce/label/c.Stripe_Panel_Recipient';
import recipientMissing from '@salesforce/label/c.Stripe_Panel_Recipient_Missing';
import reference from '@salesforce/label/c.Stripe_Panel_Reference';
import refundAmount from '@salesforce/label/c.Stripe_Panel_Refund_Amount';
import refundAmountHelp from '@salesforce/label/c.Stripe_Panel_Refund_Amount_Help';
import refundAmountIn from '@salesforce/label/c.Stripe_Panel_Refund_Amount_In';
import refundReason from '@salesforce/label/c.Stripe_Panel_Refund_Reason';
import refundable from '@salesforce/label/c.Stripe_Panel_Refundable';
import refusedTitle from '@salesforce/label/c.Stripe_Panel_Refused_Title';
import remainingAfter from '@salesforce/label/c.Stripe_Panel_Remaining_After';
import replaceInvoice from '@salesforce/label/c.Stripe_Panel_Replace_Invoice';
import reusable from '@salesforce/label/c.Stripe_Panel_Reusable';
import running from '@salesforce/label/c.Stripe_Panel_Running';
import saidNoRecipient from '@salesforce/label/c.Stripe_Panel_Said_No_Recipient';
import saidNothingToPay from '@salesforce/label/c.Stripe_Panel_Said_Nothing_To_Pay';
import saidRecipientDiffers from '@salesforce/label/c.Stripe_Panel_Said_Recipient_Differs';
import saidSeveralPayments from '@salesforce/label/c.Stripe_Panel_Said_Several_Payments';
import sayWhatToInvoice from '@salesforce/label/c.Stripe_Panel_Say_What_To_Invoice';
import sending from '@salesforce/label/c.Stripe_Panel_Sending';
import sentOnce from '@salesforce/label/c.Stripe_Panel_Sent_Once';
import showAll from '@salesforce/label/c.Stripe_Panel_Show_All';
import startAgain from '@salesforce/label/c.Stripe_Panel_Start_Again';
import tax from '@salesforce/label/c.Stripe_Panel_Tax';
import thisInvoice from '@salesforce/label/c.Stripe_Panel_This_Invoice';
import thisRefund from '@salesforce/label/c.Stripe_Panel_This_Refund';
import total from '@salesforce/label/c.Stripe_Panel_Total';
import unknownError from '@salesforce/label/c.Stripe_Panel_Unknown_Error';
import usage from '@salesforce/label/c.Stripe_Panel_Usage';
import useRecipient from '@salesforce/label/c.Stripe_Panel_Use_Recipient';
import wait from '@salesforce/label/c.Stripe_Panel_Wait';
import warnings from '@salesforce/label/c.Stripe_Panel_Warnings';
import willAdd from '@salesforce/label/c.Stripe_Panel_Will_Add';
import willBlock from '@salesforce/label/c.Stripe_Panel_Will_Block';
import willLink from '@salesforce/label/c.Stripe_Panel_Will_Link';
import willRefund from '@salesforce/label/c.Stripe_Panel_Will_Refund';
import willReplace from '@salesforce/label/c.Stripe_Panel_Will_Replace';
import willSend from '@salesforce/label/c.Stripe_Panel_Will_Send';
import willShowAgain from '@salesforce/label/c.Stripe_Panel_Will_Show_Again';
import workingLong from '@salesforce/label/c.Stripe_Panel_Working_Long';

export default {
    account,
    addInvoice,
    alreadyRunning,
    alreadyRunningHelp,
    amount,
    amountInvalid,
    approval,
    approvalTitle,
    cancel,
    changeDetails,
    changeRecipient,
    choosePayment,
    choosePaymentFirst,
    chooseRecipient,
    close: closeWord,
    confirmInvoice,
    confirmLink,
    confirmRefund,
    confirmShow,
    customer,
    details,
    doneAlready,
    doneInvoice,
    doneLink,
    doneRefund,
    doneUpdate,
    due,
    emptyNoPayment,
    emptyNoPermission,
    emptyNotConnected,
    emptyTitle,
    entity,
    errorNothingSent,
    errorSafe,
    errorTitle,
    invoicePage,
    invoicedSoFar,
    line,
    lineAmount,
    lineDescription,
    lineDescriptionHelp,
    lines,
    linkAmount,
    linkAmountHelp,
    linkAmountIn,
    linkDescription,
    linkDescriptionHelp,
    linkPage,
    loading,
    loadingNothingDone,
    lookAgain,
    noContacts,
    notArrived,
    once,
    openFirst,
    openFirstPlain,
    otherRecipient,
    paid,
    pending,
    pendingTitle,
    previewAgain,
    quantity,
    reasonDuplicate,
    reasonFraudulent,
    reasonNone,
    reasonRequested,
    recipient,
    recipientMissing,
    reference,
    refundAmount,
    refundAmountHelp,
    refundAmountIn,
    refundReason,
    refundable,
    refusedTitle,
    remainingAfter,
    replaceInvoice,
    reusable,
    running,
    saidNoRecipient,
    saidNothingToPay,
    saidRecipientDiffers,
    saidSeveralPayments,
    sayWhatToInvoice,
    sending,
    sentOnce,
    showAll,
    startAgain,
    tax,
    thisInvoice,
    thisRefund,
    total,
    tryAgain,
    unknownError,
    usage,
    useRecipient,
    wait,
    warnings,
    willAdd,
    willBlock,
    willLink,
    willRefund,
    willReplace,
    willSend,
    willShowAgain,
    workingLong
};
