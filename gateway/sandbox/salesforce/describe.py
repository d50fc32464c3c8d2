"""Describe results: what ``sobjects`` and ``sobjects/X/describe`` say, as far as this user may see it."""

from typing import Any

from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.permissions import Access
from gateway.sandbox.salesforce.schema import Field, SObject

SOAP_TYPES = {
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "id": "tns:ID",
    "reference": "tns:ID",
    "address": "urn:address",
}


def version_base(org: Org) -> str:
    return f"/services/data/v{org.world.api_version}"


def summary(org: Org, access: Access, sobject: SObject) -> dict[str, Any]:
    base = f"{version_base(org)}/sobjects/{sobject.name}"
    urls = {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"}
    return {
        "name": sobject.name,
        "label": sobject.label,
        "labelPlural": sobject.plural,
        "keyPrefix": sobject.key_prefix or None,
        "custom": sobject.custom,
        "customSetting": False,
        "queryable": True,
        "retrieveable": True,
        "createable": sobject.writable and access.can(sobject, "create"),
        "updateable": sobject.writable and access.can(sobject, "edit"),
        "deletable": sobject.writable and access.can(sobject, "delete"),
        "triggerable": sobject.writable,
        "undeletable": False,
        "searchable": False,
        "urls": urls,
    }


def describe_global(org: Org, access: Access) -> dict[str, Any]:
    visible = [sobject for sobject in org.schema.objects.values() if access.can(sobject, "read")]
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": [summary(org, access, entry) for entry in visible]}


def describe(org: Org, access: Access, sobject: SObject) -> dict[str, Any]:
    fields = [entry for entry in sobject.fields.values() if access.readable(sobject, entry)]
    children = [
        {
            "childSObject": child.name,
            "field": reference.name,
            "relationshipName": reference.child_relationship,
            "cascadeDelete": False,
            "restrictedDelete": False,
        }
        for (parent, _), (child, reference) in org.schema.children.items()
        if parent == sobject.name
    ]
    described = [describe_field(access, sobject, entry) for entry in fields]
    return {**summary(org, access, sobject), "fields": described, "childRelationships": children, "recordTypeInfos": []}


def describe_field(access: Access, sobject: SObject, field: Field) -> dict[str, Any]:
    editable = access.editable(sobject, field)
    values = [{"value": v, "label": v, "active": True, "defaultValue": v == field.default} for v in field.picklist]
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "soapType": SOAP_TYPES.get(field.type, "xsd:string"),
        "length": field.length,
        "byteLength": field.length * 3,
        "precision": field.precision,
        "scale": field.scale,
        "digits": field.precision if field.type == "int" else 0,
        "custom": field.custom,
        "nillable": not field.required and field.type != "boolean",
        "createable": field.createable and editable,
        "updateable": field.updateable and editable,
        "defaultedOnCreate": field.default is not None or field.type == "boolean",
        "defaultValue": field.default,
        "calculated": field.formula is not None,
        "calculatedFormula": field.formula,
        "autoNumber": field.auto_number is not None,
        "unique": field.unique,
        "caseSensitive": field.case_sensitive,
        "externalId": field.external_id,
        "idLookup": field.external_id or field.type == "id",
        "nameField": field.name_field,
        "filterable": field.filterable,
        "sortable": field.filterable,
        "groupable": field.filterable,
        "restrictedPicklist": field.restricted,
        "picklistValues": values,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship,
        "deprecatedAndHidden": False,
    }
