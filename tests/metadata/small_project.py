"""A small project that is right, to be spoilt: one class, one component, one triggered flow and one screen flow."""

from __future__ import annotations

from pathlib import Path

from tests.metadata.seeding import TREE
from tests.metadata.tree import Tree, read

NAMESPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
AT = "<locationX>0</locationX><locationY>0</locationY>"
CLASS = "main/core/classes/Probe.cls"
CLASS_META = f"{CLASS}-meta.xml"
SCRIPT = "main/core/lwc/probe/probe.js"
PAGE = "main/core/lwc/probe/probe.html"
BUNDLE_META = f"{SCRIPT}-meta.xml"
FLOW = "examples/flows/Probe.flow-meta.xml"
SCREEN = "examples/flows/Probe_Screen.flow-meta.xml"

SOURCES = {
    CLASS: """
/** Says 'callout:Nowhere' and Label.Nothing in a comment, which counts for nothing. */
public with sharing class Probe {
    @AuraEnabled(cacheable=true)
    public static List<Stripe_Invoice__c> open(Id recordId) {
        return [SELECT Id, Number__c, Stripe_Customer__r.Email__c FROM Stripe_Invoice__c WHERE Status__c = 'Open'
            WITH USER_MODE];
    }
    @InvocableMethod(label='Probe' description='Looks.' category='Probe' callout=true)
    public static List<Result> run(List<Request> inputs) {
        Boolean open = StripeGatewaySwitch.isOn();
        Boolean allowed = FeatureManagement.checkPermission('Stripe_Send_Invoice');
        insert new Stripe_Action__c(Action__c = 'send-invoice', Source_Record_Id__c = inputs[0].recordId);
        HttpRequest request = new HttpRequest();
        request.setEndpoint('callout:Stripe_Gateway/v1/actions');
        SObjectField column = Stripe_Action__c.Due_Date__c;
        return new List<Result>();
    }
    public class Request {
        @InvocableVariable(label='Record' description='Which.' required=true)
        public Id recordId;
        @InvocableVariable(label='Amount' description='How much.')
        public Decimal amount;
    }
    public class Result {
        @InvocableVariable(label='Status' description='How it went.')
        public String status;
    }
}
""",
    CLASS_META: f"<ApexClass {NAMESPACE}><apiVersion>65.0</apiVersion><status>Active</status></ApexClass>",
    SCRIPT: """
import { LightningElement, api, wire } from "lwc";
import open from "@salesforce/apex/Probe.open";
import mayBill from "@salesforce/customPermission/Stripe_Send_Invoice";
import STATUS from "@salesforce/schema/Opportunity.Stripe_Status__c";
export default class Probe extends LightningElement {
    @api recordId;
    @wire(open, { recordId: "$recordId" }) invoices;
}
""",
    PAGE: "<template><p>{invoices}</p></template>",
    BUNDLE_META: f"""<LightningComponentBundle {NAMESPACE}><apiVersion>65.0</apiVersion><isExposed>true</isExposed>
<targets><target>lightning__RecordAction</target><target>lightning__FlowScreen</target></targets>
<targetConfigs><targetConfig targets="lightning__RecordAction"><actionType>ScreenAction</actionType></targetConfig>
<targetConfig targets="lightning__FlowScreen"><property name="recordId" type="String"/></targetConfig></targetConfigs>
</LightningComponentBundle>""",
    FLOW: f"""<Flow {NAMESPACE}>
<actionCalls><name>Ask</name><label>Ask</label>{AT}<actionName>Probe</actionName><actionType>apex</actionType>
<connector><targetReference>Queued</targetReference></connector>
<faultConnector><targetReference>Tell</targetReference></faultConnector>
<inputParameters><name>recordId</name><value><elementReference>$Record.Id</elementReference></value></inputParameters>
</actionCalls>
<decisions><name>Queued</name><label>Queued?</label>{AT}
<defaultConnector><targetReference>Tell</targetReference></defaultConnector>
<rules><name>Yes</name><conditionLogic>and</conditionLogic>
<conditions><leftValueReference>Ask.status</leftValueReference><operator>EqualTo</operator>
<rightValue><stringValue>queued</stringValue></rightValue></conditions><label>Yes</label></rules></decisions>
<formulas><name>Why</name><dataType>String</dataType>
<expression>{{!Ask.status}} {{!$Flow.FaultMessage}}</expression></formulas>
<label>Probe</label><processType>AutoLaunchedFlow</processType>
<recordCreates><name>Tell</name><label>Tell</label>{AT}
<faultConnector><targetReference>Mail</targetReference></faultConnector>
<inputAssignments><field>Description</field><value><elementReference>Why</elementReference></value></inputAssignments>
<object>Task</object></recordCreates>
<recordUpdates><name>Mail</name><label>Mail</label>{AT}<inputReference>$Record</inputReference></recordUpdates>
<start>{AT}<doesRequireRecordChangedToMeetCriteria>true</doesRequireRecordChangedToMeetCriteria>
<filters><field>Stripe_Status__c</field><operator>EqualTo</operator><value><stringValue>Paid</stringValue></value></filters>
<object>Opportunity</object><recordTriggerType>Update</recordTriggerType>
<scheduledPaths><name>After</name><connector><targetReference>Ask</targetReference></connector>
<pathType>AsyncAfterCommit</pathType></scheduledPaths><triggerType>RecordAfterSave</triggerType></start>
<status>Draft</status></Flow>""",
    SCREEN: f"""<Flow {NAMESPACE}><label>Probe</label><processType>Flow</processType>
<screens><name>Show</name><label>Show</label>{AT}<fields><name>Card</name><extensionName>c:probe</extensionName>
<fieldType>ComponentInstance</fieldType><inputParameters><name>recordId</name><value>
<elementReference>recordId</elementReference></value></inputParameters></fields></screens>
<start>{AT}<connector><targetReference>Show</targetReference></connector></start><status>Draft</status>
<variables><name>recordId</name><dataType>String</dataType></variables></Flow>""",
}


def project(**changes: str | None) -> Tree:
    """The real project with the small one beside it; a file that is None is left out."""
    files = {path: text for path, text in {**SOURCES, **changes}.items() if text is not None}
    xml = [read(Path(path), text) for path, text in files.items() if path.endswith(".xml")]
    return TREE.adding(*xml, **{path: text for path, text in files.items() if not path.endswith(".xml")})


def about_the_small_one(findings: list[str]) -> list[str]:
    return [finding for finding in findings if "robe" in finding]
