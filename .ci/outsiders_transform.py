"""Prints the CloudFormation that SAM generates from a template, with the parameters' defaults, or any value."""

import json
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoManagedPolicies:
    """Empty: the template uses none of SAM's managed policies, so no account is needed to list them."""

    def load(self):
        return {}


def value(parameter):
    default = parameter.get("Default", "https://issuer.example.com")
    return default.split(",") if parameter["Type"] == "CommaDelimitedList" else default


with open(sys.argv[1], encoding="utf-8") as file:
    template = yaml_parse(file)
parameters = {name: value(it) for name, it in template["Parameters"].items()}
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        # `sam package` would have uploaded the code there.
        resource["Properties"]["CodeUri"] = "s3://bucket/key"
print(json.dumps(transform(template, parameters, NoManagedPolicies()), indent=1))
