trigger StripeActionTrigger on Stripe_Action__c(after insert) {
    StripeOutboxJob.announce(Trigger.new);
}
