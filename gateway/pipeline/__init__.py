"""
The direction Salesforce → Stripe → Salesforce, top to bottom. Newcomers start here.

    accept    who asks for what; recorded before anything is done; a repeat gets the first answer
    gather    what must be read first: the record, the charge, its live objects
    settle    plan, guard against doing it twice, reserve money: one commit, before the first call
              (guard: what the record has already · customer: whose bill it is, made once)
    perform   the stored steps, one call after the other, resumable anywhere
    finish    answer, mirror, reservation, stamp: one commit; the sender writes what differs to Salesforce
    unknown   an outcome nobody knows is looked up until it is known
    refresh   an object at Stripe may have changed: read it, project it
    preview   gather and plan without the acting
"""
