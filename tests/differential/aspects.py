"""aspects.py FILE...: every aspect of metadata files comes back from a sandbox that loaded them."""

import asyncio
import json
import sys

from datahub.metadata.schema_classes import MetadataChangeEventClass
from stack import sandbox


def of_file(path):
    """Urn, aspect's name and its value; the value is none for the older format, which names classes."""
    with open(path) as file:
        changes = json.load(file)
    for change in changes:
        if "proposedSnapshot" not in change:
            yield change["entityUrn"], change["aspectName"], change["aspect"].get("json")
            continue
        snapshot = MetadataChangeEventClass.from_obj(change).proposedSnapshot
        for aspect in snapshot.aspects:
            yield snapshot.urn, aspect.ASPECT_NAME, None


async def main(files):
    expected = {}
    for path in files:
        for urn, name, value in of_file(path):
            expected.setdefault(urn, {})[name] = value
    count = 0
    async with sandbox(files) as datahub:
        for urn, aspects in expected.items():
            served = datahub.aspects(urn)
            for name, value in aspects.items():
                count += 1
                if name not in served and datahub.series(urn, name):
                    continue
                assert name in served, f"lost: {name} of {urn}"
                assert value is None or served[name] == value, f"changed: {name} of {urn}: {value} {served[name]}"
    print(f"{count} aspects of {len(expected)} entities")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
