/** The words beside a link of Stripe. */
import address from '@salesforce/label/c.Stripe_Link_Address';
import copied from '@salesforce/label/c.Stripe_Link_Copied';
import copyWord from '@salesforce/label/c.Stripe_Link_Copy';
import copyFailed from '@salesforce/label/c.Stripe_Link_Copy_Failed';
import copyLabel from '@salesforce/label/c.Stripe_Link_Copy_Label';
import copyRefused from '@salesforce/label/c.Stripe_Link_Copy_Refused';
import openWord from '@salesforce/label/c.Stripe_Link_Open';
import openLabel from '@salesforce/label/c.Stripe_Link_Open_Label';

export default {
    address,
    copied,
    copy: copyWord,
    copyFailed,
    copyLabel,
    copyRefused,
    open: openWord,
    openLabel,
};
