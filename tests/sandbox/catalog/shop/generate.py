#!/usr/bin/env python3
"""Writes the sandbox's catalog: a homeware shop called Lantern & Loom, as MetadataChangeProposals.

Run it by hand after a change (`python3 generate.py`, no dependencies) and commit what it writes. The
output depends on nothing but this folder: no clock, no random numbers. Time series end at EPOCH; the
sandbox moves them to the day on which it starts.
"""

import hashlib
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import business
import corners
import tables

HERE = Path(__file__).parent
DAY = 86_400_000
# 2026-01-01T00:00:00Z; `sandbox::shop` knows it too
EPOCH = 1_767_225_600_000
SYSTEM = "urn:li:corpuser:__datahub_system"


def user(name):
    return f"urn:li:corpuser:{name}"


def group(name):
    return f"urn:li:corpGroup:{name}"


def owner_urn(name):
    return user(name) if name in business.PEOPLE else group(name)


def dataset(platform, name):
    return f"urn:li:dataset:(urn:li:dataPlatform:{platform},{name},PROD)"


def named(reference):
    """`platform:name` as a dataset urn."""
    platform, name = reference.split(":", 1)
    return dataset(platform, name)


def field(urn, path):
    """The urn of a column; DataHub encodes these three characters of its path."""
    encoded = path.replace("(", "%28").replace(")", "%29").replace(",", "%2C")
    return f"urn:li:schemaField:({urn},{encoded})"


def container(key):
    return "urn:li:container:" + hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()


def steady(text, low, high):
    """A number that looks random and is always the same for the same text."""
    span = high - low + 1
    return low + int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % span


def stamp(actor=SYSTEM, days_ago=30):
    return {"time": EPOCH - days_ago * DAY, "actor": actor}


def created_and_modified(actor, days_ago):
    return {"created": stamp(actor, days_ago + 200), "lastModified": stamp(actor, days_ago)}


class File:
    """One JSON file of proposals."""

    def __init__(self, name):
        self.name, self.proposals = name, []

    def add(self, urn, aspect, value):
        self.proposals.append(
            {
                "entityType": urn.split(":")[2],
                "entityUrn": urn,
                "changeType": "UPSERT",
                "aspectName": aspect,
                "aspect": {"json": value},
            }
        )

    def write(self):
        lines = [json.dumps(p, ensure_ascii=False, separators=(",", ":")) for p in self.proposals]
        (HERE / self.name).write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def owners(pairs):
    """`name:technical` and the like."""
    listed = []
    for pair in pairs:
        name, kind = pair.split(":")
        label = {"technical": "TECHNICAL_OWNER", "business": "BUSINESS_OWNER", "steward": "DATA_STEWARD"}
        suffix = {"technical": "technical_owner", "business": "business_owner", "steward": "data_steward"}
        listed.append(
            {
                "owner": owner_urn(name),
                "type": label[kind],
                "typeUrn": f"urn:li:ownershipType:__system__{suffix[kind]}",
                "source": {"type": "MANUAL"},
            }
        )
    return {"owners": listed, "ownerTypes": {}, "lastModified": stamp(days_ago=45)}


def tags(names):
    return {"tags": [{"tag": f"urn:li:tag:{name}"} for name in names]}


def terms(names):
    return {
        "terms": [{"urn": f"urn:li:glossaryTerm:{name}"} for name in names],
        "auditStamp": stamp(user("priya.nair"), 60),
    }


def governance(out, urn, spec):
    """The aspects that every kind of asset may carry."""
    if spec.get("owners"):
        out.add(urn, "ownership", owners(spec["owners"]))
    if spec.get("tags"):
        out.add(urn, "globalTags", tags(spec["tags"]))
    if spec.get("terms"):
        out.add(urn, "glossaryTerms", terms(spec["terms"]))
    if spec.get("domain"):
        out.add(urn, "domains", {"domains": [f"urn:li:domain:{spec['domain']}"]})
    if spec.get("links"):
        elements = [
            {"url": url, "description": text, "createStamp": stamp(user("tomas.weber"), 120)}
            for url, text in spec["links"]
        ]
        out.add(urn, "institutionalMemory", {"elements": elements})
    if spec.get("properties"):
        values = [
            {
                "propertyUrn": f"urn:li:structuredProperty:lanternandloom.{name}",
                "values": [{"double": v} if isinstance(v, (int, float)) else {"string": v} for v in many],
            }
            for name, many in spec["properties"].items()
        ]
        out.add(urn, "structuredProperties", {"properties": values})


# people and governance


def people():
    out = File("01-people.json")
    for name, person in business.PEOPLE.items():
        urn = user(name)
        first, last = person["name"].split(" ", 1)
        out.add(urn, "corpUserKey", {"username": name})
        out.add(
            urn,
            "corpUserInfo",
            {
                "active": name != "suspended",
                "displayName": person["name"],
                "fullName": person["name"],
                "firstName": first,
                "lastName": last,
                "email": f"{name}@lanternandloom.example",
                "title": person["title"],
                "departmentName": person["department"],
            },
        )
        if person.get("about"):
            about = {"aboutMe": person["about"], "skills": [], "teams": [person["department"]]}
            out.add(urn, "corpUserEditableInfo", about)
        out.add(urn, "groupMembership", {"groups": [group(g) for g in person["groups"]]})
        out.add(urn, "status", {"removed": False})
    for name, (title, text, admins) in business.GROUPS.items():
        urn = group(name)
        out.add(urn, "corpGroupKey", {"name": name})
        out.add(
            urn,
            "corpGroupInfo",
            {
                "displayName": title,
                "description": text,
                "email": f"{name}@lanternandloom.example",
                "slack": f"#{name}",
                "admins": [user(a) for a in admins],
                "members": [],
                "groups": [],
            },
        )
        out.add(urn, "status", {"removed": False})
    out.write()


def governance_file():
    out = File("02-governance.json")
    for name, (title, colour, text) in business.TAGS.items():
        urn = f"urn:li:tag:{name}"
        out.add(urn, "tagKey", {"name": name})
        out.add(urn, "tagProperties", {"name": title, "colorHex": colour, "description": text})
        out.add(urn, "ownership", owners(["data-platform:technical"]))
    for name, (title, parent, text) in business.NODES.items():
        urn = f"urn:li:glossaryNode:{name}"
        info = {"name": title, "definition": text}
        if parent:
            info["parentNode"] = f"urn:li:glossaryNode:{parent}"
        out.add(urn, "glossaryNodeKey", {"name": name})
        out.add(urn, "glossaryNodeInfo", info)
        out.add(urn, "ownership", owners(["priya.nair:steward"]))
        out.add(urn, "status", {"removed": False})
    for name, term in business.TERMS.items():
        urn = f"urn:li:glossaryTerm:{name}"
        out.add(urn, "glossaryTermKey", {"name": name})
        out.add(
            urn,
            "glossaryTermInfo",
            {
                "name": term["title"],
                "definition": term["text"],
                "parentNode": f"urn:li:glossaryNode:{term['node']}",
                "termSource": "INTERNAL",
            },
        )
        related = {
            aspect: [f"urn:li:glossaryTerm:{other}" for other in term[key]]
            for aspect, key in [("isRelatedTerms", "is_a"), ("hasRelatedTerms", "has_a")]
            if term.get(key)
        }
        if related:
            out.add(urn, "glossaryRelatedTerms", related)
        out.add(urn, "ownership", owners([term.get("owner", "priya.nair") + ":steward"]))
        if term.get("domain"):
            out.add(urn, "domains", {"domains": [f"urn:li:domain:{term['domain']}"]})
        out.add(urn, "status", {"removed": False})
    for name, (title, parent, text, owner) in business.DOMAINS.items():
        urn = f"urn:li:domain:{name}"
        properties = {"name": title, "description": text, "created": stamp(user("admin"), 400)}
        if parent:
            properties["parentDomain"] = f"urn:li:domain:{parent}"
        out.add(urn, "domainKey", {"id": name})
        out.add(urn, "domainProperties", properties)
        out.add(urn, "ownership", owners([owner + ":business"]))
        out.add(urn, "status", {"removed": False})
    for name, prop in business.PROPERTIES.items():
        urn = f"urn:li:structuredProperty:lanternandloom.{name}"
        out.add(
            urn,
            "propertyDefinition",
            {
                "qualifiedName": f"lanternandloom.{name}",
                "displayName": prop["title"],
                "description": prop["text"],
                "valueType": f"urn:li:dataType:datahub.{prop['type']}",
                "cardinality": prop.get("cardinality", "SINGLE"),
                "entityTypes": [f"urn:li:entityType:datahub.{t}" for t in prop["entities"]],
                "immutable": False,
                **(
                    {
                        "allowedValues": [
                            {"value": {"string": v}, "description": d} for v, d in prop["values"]
                        ]
                    }
                    if "values" in prop
                    else {}
                ),
            },
        )
        out.add(urn, "status", {"removed": False})
    for name, (title, delimiter) in business.PLATFORMS.items():
        urn = f"urn:li:dataPlatform:{name}"
        out.add(
            urn,
            "dataPlatformInfo",
            {
                "name": name,
                "displayName": title,
                "type": business.PLATFORM_TYPES[name],
                "datasetNameDelimiter": delimiter,
            },
        )
    for name, product in business.DATA_PRODUCTS.items():
        urn = f"urn:li:dataProduct:{name}"
        assets = [{"destinationUrn": named(a), **created_and_modified(user("editor"), 40)} for a in product["assets"]]
        out.add(urn, "dataProductKey", {"id": name})
        out.add(
            urn,
            "dataProductProperties",
            {"name": product["title"], "description": product["text"], "assets": assets, "customProperties": {}},
        )
        governance(out, urn, product)
        out.add(urn, "status", {"removed": False})
    out.write()


# datasets

KINDS = {
    "NumberType": ("int", "bigint", "numeric", "NUMBER", "FLOAT", "long", "double", "smallint"),
    "BooleanType": ("bool", "BOOLEAN"),
    "TimeType": ("timestamp", "TIMESTAMP"),
    "DateType": ("date", "DATE"),
    "ArrayType": ("array", "ARRAY"),
    "RecordType": ("record", "VARIANT", "jsonb"),
    "EnumType": ("enum",),
    "BytesType": ("bytes", "BINARY"),
}


def field_type(native):
    for kind, prefixes in KINDS.items():
        if native.startswith(prefixes):
            return kind
    return "StringType"


def columns(table):
    """`name | native type | description | flags`, one a line; flags: key, null, tag=, term=."""
    lines = [line for line in table["columns"].strip().splitlines() if line.strip()]
    for line in lines:
        parts = [part.strip() for part in line.split("|")] + ["", "", ""]
        yield parts[0], parts[1], parts[2], parts[3].split()


def schema(platform, name, table):
    fields, keys = [], []
    for path, native, text, flags in columns(table):
        entry = {
            "fieldPath": path,
            "nullable": "null" in flags,
            "type": {"type": {f"com.linkedin.schema.{field_type(native)}": {}}},
            "nativeDataType": native,
            "recursive": False,
            "isPartOfKey": "key" in flags,
        }
        if text:
            entry["description"] = text
        its_tags = [flag[4:] for flag in flags if flag.startswith("tag=")]
        its_terms = [flag[5:] for flag in flags if flag.startswith("term=")]
        if its_tags:
            entry["globalTags"] = tags(its_tags)
        if its_terms:
            entry["glossaryTerms"] = terms(its_terms)
        if "key" in flags:
            keys.append(path)
        fields.append(entry)
    if platform == "kafka":
        shape = {"com.linkedin.schema.KafkaSchema": {"documentSchema": "", "documentSchemaType": "AVRO"}}
    else:
        shape = {"com.linkedin.schema.MySqlDDL": {"tableSchema": ""}}
    value = {
        "schemaName": name,
        "platform": f"urn:li:dataPlatform:{platform}",
        "version": 0,
        "hash": "",
        "platformSchema": shape,
        "fields": fields,
        "created": stamp(days_ago=300),
        "lastModified": stamp(days_ago=steady(name, 2, 90)),
    }
    if keys:
        value["primaryKeys"] = keys
    if table.get("foreign_keys"):
        value["foreignKeys"] = [
            {
                "name": f"{name.split('.')[-1]}_{column}_fkey",
                "sourceFields": [field(dataset(platform, name), column)],
                "foreignFields": [field(named(other), foreign)],
                "foreignDataset": named(other),
            }
            for column, other, foreign in table["foreign_keys"]
        ]
    return value


def lineage(urn, table):
    upstreams = [
        {"dataset": named(up), "type": "TRANSFORMED", "auditStamp": stamp(days_ago=1)}
        for up in table["upstreams"]
    ]
    fine = []
    for path, sources, *how in table.get("column_lineage", []):
        fine.append(
            {
                "upstreamType": "FIELD_SET",
                "upstreams": [field(named(s.rsplit("#", 1)[0]), s.rsplit("#", 1)[1]) for s in sources],
                "downstreamType": "FIELD",
                "downstreams": [field(urn, path)],
                "transformOperation": how[0] if how else "IDENTITY",
                "confidenceScore": 1.0,
            }
        )
    value = {"upstreams": upstreams}
    if fine:
        value["fineGrainedLineages"] = fine
    return value


def containers(out, platform, name):
    """Database and schema of a table; returns the browse path. Topics have none."""
    if platform == "kafka":
        return []
    database, layer, _ = name.split(".")
    outer, inner = container(f"{platform}.{database}"), container(f"{platform}.{database}.{layer}")
    for urn, title, kind in [(outer, database, "Database"), (inner, layer, "Schema")]:
        if urn in SEEN:
            continue
        SEEN.add(urn)
        text = business.CONTAINERS.get(f"{platform}.{database}" if kind == "Database" else f"{platform}.{database}.{layer}")
        properties = {"name": title, "env": "PROD", "customProperties": {"platform": platform, "database": database}}
        if text:
            properties["description"] = text
        out.add(urn, "containerProperties", properties)
        out.add(urn, "subTypes", {"typeNames": [kind]})
        out.add(urn, "dataPlatformInstance", {"platform": f"urn:li:dataPlatform:{platform}"})
        path = [] if kind == "Database" else [{"id": outer, "urn": outer}]
        if path:
            out.add(urn, "container", {"container": outer})
        out.add(urn, "browsePathsV2", {"path": path})
        out.add(urn, "status", {"removed": False})
    return [{"id": outer, "urn": outer}, {"id": inner, "urn": inner}]


SEEN = set()


def add_dataset(out, platform, name, table):
    urn = dataset(platform, name)
    path = containers(out, platform, name)
    out.add(urn, "datasetKey", {"platform": f"urn:li:dataPlatform:{platform}", "name": name, "origin": "PROD"})
    title = name if platform == "kafka" else name.split(".")[-1]
    out.add(
        urn,
        "datasetProperties",
        {
            "name": title.upper() if platform == "snowflake" else title,
            "qualifiedName": name.upper() if platform == "snowflake" else name,
            "description": table["text"],
            "customProperties": table.get("custom", {}),
            "created": {"time": EPOCH - 700 * DAY},
            "lastModified": {"time": EPOCH - steady(name, 0, 5) * DAY},
            "tags": [],
        },
    )
    out.add(urn, "schemaMetadata", schema(platform, name, table))
    kind = {"kafka": "Topic", "dbt": "Model"}.get(platform, "View" if table.get("view") else "Table")
    out.add(urn, "subTypes", {"typeNames": [kind]})
    out.add(urn, "dataPlatformInstance", {"platform": f"urn:li:dataPlatform:{platform}"})
    if path:
        out.add(urn, "container", {"container": path[-1]["urn"]})
    out.add(urn, "browsePathsV2", {"path": path})
    out.add(urn, "status", {"removed": table.get("removed", False)})
    governance(out, urn, table)
    if table.get("upstreams"):
        out.add(urn, "upstreamLineage", lineage(urn, table))
    if table.get("view"):
        out.add(
            urn,
            "viewProperties",
            {"materialized": platform == "dbt", "viewLanguage": "SQL", "viewLogic": table["view"]},
        )
    if table.get("sibling"):
        out.add(urn, "siblings", {"siblings": [named(table["sibling"])], "primary": platform == "dbt"})
    if table.get("edited"):
        value = {"description": table["edited"], **created_and_modified(user("editor"), 12)}
        out.add(urn, "editableDatasetProperties", value)
    if table.get("edited_fields"):
        infos = []
        for path_, change in table["edited_fields"].items():
            info = {"fieldPath": path_}
            if "text" in change:
                info["description"] = change["text"]
            if "tags" in change:
                info["globalTags"] = tags(change["tags"])
            if "terms" in change:
                info["glossaryTerms"] = terms(change["terms"])
            infos.append(info)
        out.add(urn, "editableSchemaMetadata", {"editableSchemaFieldInfo": infos, **created_and_modified(user("priya.nair"), 20)})
    if table.get("deprecated"):
        note, replacement = table["deprecated"]
        out.add(
            urn,
            "deprecation",
            {
                "deprecated": True,
                "note": note,
                "decommissionTime": EPOCH + 90 * DAY,
                "actor": user("tomas.weber"),
                "replacement": named(replacement),
            },
        )


def datasets():
    for name, platforms in [
        ("03-postgres.json", ["postgres"]),
        ("04-kafka.json", ["kafka"]),
        ("05-warehouse.json", ["dbt", "snowflake"]),
    ]:
        out = File(name)
        for reference, table in tables.TABLES.items():
            platform, full_name = reference.split(":", 1)
            if platform in platforms:
                add_dataset(out, platform, full_name, table)
        out.write()


# pipelines and dashboards


def flow_urn(name):
    return f"urn:li:dataFlow:(airflow,{name},prod)"


def job_urn(flow, name):
    return f"urn:li:dataJob:({flow_urn(flow)},{name})"


def pipelines():
    out = File("06-pipelines.json")
    for flow, spec in business.FLOWS.items():
        urn = flow_urn(flow)
        url = f"https://airflow.lanternandloom.example/dags/{flow}"
        out.add(urn, "dataFlowKey", {"orchestrator": "airflow", "flowId": flow, "cluster": "prod"})
        out.add(
            urn,
            "dataFlowInfo",
            {
                "name": flow,
                "description": spec["text"],
                "externalUrl": url,
                "customProperties": {"schedule": spec["schedule"], "catchup": "False"},
            },
        )
        out.add(urn, "dataPlatformInstance", {"platform": "urn:li:dataPlatform:airflow"})
        out.add(urn, "status", {"removed": False})
        governance(out, urn, spec)
        for job, task in spec["jobs"].items():
            its = job_urn(flow, job)
            out.add(its, "dataJobKey", {"flow": urn, "jobId": job})
            out.add(
                its,
                "dataJobInfo",
                {
                    "name": job,
                    "description": task["text"],
                    "type": {"string": task.get("operator", "PythonOperator")},
                    "flowUrn": urn,
                    "externalUrl": f"{url}/tasks/{job}",
                    "customProperties": {},
                },
            )
            edge = lambda reference: {"destinationUrn": named(reference), "lastModified": stamp(days_ago=1)}
            fine = [
                {
                    "upstreamType": "FIELD_SET",
                    "upstreams": [field(named(source), column) for source, column in sources],
                    "downstreamType": "FIELD",
                    "downstreams": [field(named(target[0]), target[1])],
                    "transformOperation": "IDENTITY",
                    "confidenceScore": 1.0,
                }
                for target, sources in task.get("columns", [])
            ]
            out.add(
                its,
                "dataJobInputOutput",
                {
                    "inputDatasets": [],
                    "outputDatasets": [],
                    "inputDatajobs": [job_urn(flow, other) for other in task.get("after", [])],
                    "inputDatasetEdges": [edge(r) for r in task.get("reads", [])],
                    "outputDatasetEdges": [edge(r) for r in task.get("writes", [])],
                    "fineGrainedLineages": fine,
                },
            )
            out.add(its, "dataPlatformInstance", {"platform": "urn:li:dataPlatform:airflow"})
            out.add(its, "browsePathsV2", {"path": [{"id": urn, "urn": urn}]})
            out.add(its, "status", {"removed": False})
            governance(out, its, {**{k: spec[k] for k in ("owners", "domain") if k in spec}, **task})
    out.write()


def looker():
    out = File("07-looker.json")
    for name, (title, text) in business.FOLDERS.items():
        urn = container(f"looker.{name}")
        out.add(urn, "containerProperties", {"name": title, "description": text, "customProperties": {}})
        out.add(urn, "subTypes", {"typeNames": ["Folder"]})
        out.add(urn, "dataPlatformInstance", {"platform": "urn:li:dataPlatform:looker"})
        out.add(urn, "browsePathsV2", {"path": []})
        out.add(urn, "status", {"removed": False})
    native = {
        (reference, path): (kind, text)
        for reference, table in tables.TABLES.items()
        for path, kind, text, _ in columns(table)
    }
    for name, chart in business.CHARTS.items():
        urn = f"urn:li:chart:(looker,{name})"
        folder = container(f"looker.{chart['folder']}")
        out.add(urn, "chartKey", {"dashboardTool": "looker", "chartId": name})
        out.add(
            urn,
            "chartInfo",
            {
                "title": chart["title"],
                "description": chart["text"],
                "type": chart.get("kind", "LINE"),
                "chartUrl": f"https://looker.lanternandloom.example/looks/{name}",
                "inputs": [{"string": named(r)} for r in chart["inputs"]],
                "lastModified": created_and_modified(user("editor"), 25),
                "customProperties": {},
            },
        )
        fields = []
        for reference in chart.get("fields", []):
            source, path = reference.rsplit("#", 1)
            kind, text = native[(source, path)]
            fields.append(
                {
                    "schemaFieldUrn": field(named(source), path),
                    "schemaField": {
                        "fieldPath": path,
                        "nullable": False,
                        "recursive": False,
                        "isPartOfKey": False,
                        "description": text,
                        "type": {"type": {f"com.linkedin.schema.{field_type(kind)}": {}}},
                        "nativeDataType": kind,
                    },
                }
            )
        if fields:
            out.add(urn, "inputFields", {"fields": fields})
        out.add(urn, "container", {"container": folder})
        out.add(urn, "browsePathsV2", {"path": [{"id": folder, "urn": folder}]})
        out.add(urn, "dataPlatformInstance", {"platform": "urn:li:dataPlatform:looker"})
        out.add(urn, "subTypes", {"typeNames": ["Look"]})
        out.add(urn, "status", {"removed": False})
        governance(out, urn, chart)
    for name, board in business.DASHBOARDS.items():
        urn = f"urn:li:dashboard:(looker,{name})"
        folder = container(f"looker.{board['folder']}")
        out.add(urn, "dashboardKey", {"dashboardTool": "looker", "dashboardId": name})
        out.add(
            urn,
            "dashboardInfo",
            {
                "title": board["title"],
                "description": board["text"],
                "dashboardUrl": f"https://looker.lanternandloom.example/dashboards/{name}",
                "charts": [],
                "chartEdges": [
                    {"destinationUrn": f"urn:li:chart:(looker,{c})", "lastModified": stamp(days_ago=25)}
                    for c in board["charts"]
                ],
                "datasets": [],
                "dashboards": [],
                "lastModified": created_and_modified(user("editor"), 15),
                "customProperties": {},
            },
        )
        out.add(urn, "container", {"container": folder})
        out.add(urn, "browsePathsV2", {"path": [{"id": folder, "urn": folder}]})
        out.add(urn, "dataPlatformInstance", {"platform": "urn:li:dataPlatform:looker"})
        out.add(urn, "subTypes", {"typeNames": ["Dashboard"]})
        out.add(urn, "status", {"removed": False})
        governance(out, urn, board)
        for day in range(14):
            views = steady(f"{name}{day}", 4, board["views"])
            out.add(
                urn,
                "dashboardUsageStatistics",
                {
                    "timestampMillis": EPOCH - day * DAY,
                    "eventGranularity": {"unit": "DAY", "multiple": 1},
                    "partitionSpec": {"type": "FULL_TABLE", "partition": "FULL_TABLE_SNAPSHOT"},
                    "viewsCount": views,
                    "executionsCount": views * 3,
                    "uniqueUserCount": max(1, views // 4),
                    "favoritesCount": 3,
                    "lastViewedAt": EPOCH - day * DAY,
                },
            )
    out.write()


# what happens to the tables


def whole_table():
    return {"type": "FULL_TABLE", "partition": "FULL_TABLE_SNAPSHOT"}


def usage(out, reference, spec):
    urn, users = named(reference), spec["users"]
    total = 0
    for day in range(30):
        count = steady(f"{reference}{day}", spec["queries"] // 2, spec["queries"])
        total += count
        paths = [path for path, *_ in columns(tables.TABLES[reference])][:6]
        out.add(
            urn,
            "datasetUsageStatistics",
            {
                "timestampMillis": EPOCH - day * DAY,
                "eventGranularity": {"unit": "DAY", "multiple": 1},
                "partitionSpec": whole_table(),
                "uniqueUserCount": len(users),
                "totalSqlQueries": count,
                "topSqlQueries": spec["top"],
                "userCounts": [
                    {"user": user(u), "count": max(1, count // (n + 2)), "userEmail": f"{u}@lanternandloom.example"}
                    for n, u in enumerate(users)
                ],
                "fieldCounts": [{"fieldPath": p, "count": max(1, count // (n + 1))} for n, p in enumerate(paths)],
            },
        )
    out.add(
        urn,
        "usageFeatures",
        {
            "usageCountLast30Days": total,
            "queryCountLast30Days": total,
            "uniqueUserCountLast30Days": len(users),
            "topUsersLast30Days": [user(u) for u in users],
            "queryCountPercentileLast30Days": min(99, 30 + total // 40),
            "uniqueUserPercentileLast30Days": 20 * len(users),
            "viewCountLast30Days": 0,
            "viewCountTotal": 0,
        },
    )


def profile(out, reference, spec):
    urn = named(reference)
    listed = list(columns(tables.TABLES[reference]))
    for week in range(4):
        rows = spec["rows"] - week * spec["growth"]
        fields = []
        for path, native, _, flags in listed[:12]:
            unique = rows if "key" in flags else steady(reference + path, 2, max(3, rows // 3))
            nulls = steady(path + reference, 0, rows // 50) if "null" in flags else 0
            entry = {
                "fieldPath": path,
                "uniqueCount": unique,
                "uniqueProportion": round(unique / rows, 4),
                "nullCount": nulls,
                "nullProportion": round(nulls / rows, 4),
            }
            if path in spec.get("samples", {}):
                entry["sampleValues"] = spec["samples"][path]
            if path in spec.get("ranges", {}):
                entry["min"], entry["max"], entry["mean"] = spec["ranges"][path]
            fields.append(entry)
        out.add(
            urn,
            "datasetProfile",
            {
                "timestampMillis": EPOCH - week * 7 * DAY,
                "partitionSpec": whole_table(),
                "rowCount": rows,
                "columnCount": len(listed),
                "sizeInBytes": rows * 40 * len(listed),
                "fieldProfiles": fields,
            },
        )
    for day in range(3):
        out.add(
            urn,
            "operation",
            {
                "timestampMillis": EPOCH - day * DAY,
                "lastUpdatedTimestamp": EPOCH - day * DAY,
                "operationType": "INSERT",
                "partitionSpec": whole_table(),
                "numAffectedRows": spec["growth"] // 7,
                "actor": user("svc-airflow"),
            },
        )


def assertions(out):
    summaries = {}
    for name, spec in business.ASSERTIONS.items():
        urn, target = f"urn:li:assertion:{name}", named(spec["on"])
        info = {
            "type": spec["type"],
            "description": spec["text"],
            "source": {"type": "EXTERNAL", "created": stamp(user("tomas.weber"), 150)},
            "customProperties": {"suite": "warehouse_checks"},
            **spec["info"](target, field),
        }
        out.add(urn, "assertionInfo", info)
        out.add(urn, "dataPlatformInstance", {"platform": "urn:li:dataPlatform:dbt"})
        out.add(urn, "status", {"removed": False})
        for day in range(7):
            failed = day in spec.get("failed_days_ago", [])
            out.add(
                urn,
                "assertionRunEvent",
                {
                    "timestampMillis": EPOCH - day * DAY,
                    "runId": f"warehouse_checks-{day}",
                    "assertionUrn": urn,
                    "asserteeUrn": target,
                    "status": "COMPLETE",
                    "result": {
                        "type": "FAILURE" if failed else "SUCCESS",
                        "nativeResults": {"observed": spec["observed"][1 if failed else 0]},
                    },
                },
            )
        failing = 0 in spec.get("failed_days_ago", [])
        summary = summaries.setdefault(target, {"passingAssertionDetails": [], "failingAssertionDetails": []})
        detail = {"urn": urn, "type": spec["type"], "lastResultAt": EPOCH}
        summary["failingAssertionDetails" if failing else "passingAssertionDetails"].append(detail)
    for target, summary in summaries.items():
        out.add(target, "assertionsSummary", {**summary, "lastAssertionResultAt": EPOCH})


def incidents(out):
    summaries = {}
    for name, spec in business.INCIDENTS.items():
        urn = f"urn:li:incident:{name}"
        state = spec["state"]
        out.add(
            urn,
            "incidentInfo",
            {
                "type": spec["type"],
                "title": spec["title"],
                "description": spec["text"],
                "entities": [named(r) for r in spec["on"]],
                "priority": spec["priority"],
                "status": {
                    "state": state,
                    "message": spec["message"],
                    "lastUpdated": stamp(user("tomas.weber"), spec["days_ago"]),
                },
                "source": {"type": "MANUAL"},
                "created": stamp(user("editor"), spec["days_ago"] + 1),
            },
        )
        for reference in spec["on"]:
            summary = summaries.setdefault(named(reference), {"activeIncidentDetails": [], "resolvedIncidentDetails": []})
            detail = {"urn": urn, "type": spec["type"], "createdAt": EPOCH - spec["days_ago"] * DAY, "priority": spec["priority"]}
            key = "activeIncidentDetails" if state == "ACTIVE" else "resolvedIncidentDetails"
            summary[key].append(detail)
    for target, summary in summaries.items():
        out.add(target, "incidentsSummary", summary)


def activity():
    out = File("08-activity.json")
    for reference, spec in business.USAGE.items():
        usage(out, reference, spec)
    for reference, spec in business.PROFILES.items():
        profile(out, reference, spec)
    for name, query in business.QUERIES.items():
        urn = f"urn:li:query:{name}"
        out.add(
            urn,
            "queryProperties",
            {
                "name": query["title"],
                "description": query["text"],
                "statement": {"value": query["sql"], "language": "SQL"},
                "source": query.get("source", "MANUAL"),
                "customProperties": {},
                **created_and_modified(user(query["by"]), 35),
            },
        )
        out.add(urn, "querySubjects", {"subjects": [{"entity": named(r)} for r in query["on"]]})
        out.add(urn, "dataPlatformInstance", {"platform": "urn:li:dataPlatform:snowflake"})
    assertions(out)
    incidents(out)
    out.write()


def documents():
    out = File("09-documents.json")
    for path in sorted((HERE / "documents").glob("*.md")):
        head, text = path.read_text(encoding="utf-8").split("\n---\n", 1)
        meta = dict(line.split(": ", 1) for line in head.strip().splitlines())
        urn = f"urn:li:document:{path.stem}"
        info = {
            "title": meta["title"],
            "source": {"sourceType": "NATIVE"},
            "status": {"state": "PUBLISHED"},
            "contents": {"text": text.strip() + "\n"},
            "customProperties": {},
            **created_and_modified(user(meta["author"]), 18),
        }
        if meta.get("assets"):
            info["relatedAssets"] = [{"asset": named(r)} for r in meta["assets"].split(", ")]
        if meta.get("parent"):
            info["parentDocument"] = {"document": f"urn:li:document:{meta['parent']}"}
        if meta.get("related"):
            info["relatedDocuments"] = [{"document": f"urn:li:document:{d}"} for d in meta["related"].split(", ")]
        out.add(urn, "documentInfo", info)
        out.add(urn, "subTypes", {"typeNames": [meta["kind"]]})
        out.add(urn, "documentSettings", {"showInGlobalContext": True, "lastModified": stamp(user(meta["author"]), 18)})
        out.add(urn, "ownership", owners([meta["author"] + ":technical"]))
        if meta.get("domain"):
            out.add(urn, "domains", {"domains": [f"urn:li:domain:{meta['domain']}"]})
        if meta.get("tags"):
            out.add(urn, "globalTags", tags(meta["tags"].split(", ")))
        out.add(urn, "status", {"removed": False})
    out.write()


def corner_table(out, reference, table):
    platform, name = reference.split(":", 1)
    urn = named(reference)
    path = containers(out, platform, name)
    out.add(urn, "datasetKey", {"platform": f"urn:li:dataPlatform:{platform}", "name": name, "origin": "PROD"})
    title = name.split(".")[-1]
    properties = {"name": title, "description": table["text"], "customProperties": {}, "tags": []}
    out.add(urn, "datasetProperties", properties)
    fields = []
    for path_, native, text in table["columns"]:
        kind = {"type": {f"com.linkedin.schema.{field_type(native)}": {}}}
        entry = {"fieldPath": path_, "nullable": True, "type": kind, "nativeDataType": native}
        fields.append({**entry, "description": text} if text else entry)
    out.add(
        urn,
        "schemaMetadata",
        {
            "schemaName": name,
            "platform": f"urn:li:dataPlatform:{platform}",
            "version": 0,
            "hash": "",
            "platformSchema": {"com.linkedin.schema.OtherSchema": {"rawSchema": ""}},
            "fields": fields,
        },
    )
    out.add(urn, "subTypes", {"typeNames": ["Table"]})
    out.add(urn, "dataPlatformInstance", {"platform": f"urn:li:dataPlatform:{platform}"})
    out.add(urn, "container", {"container": path[-1]["urn"]})
    out.add(urn, "browsePathsV2", {"path": path})
    out.add(urn, "status", {"removed": table.get("removed", False)})
    if "deprecated" in table:
        stated = {"deprecated": table["deprecated"], "note": "", "actor": user("tomas.weber")}
        out.add(urn, "deprecation", stated)
    if "application" in table:
        out.add(urn, "applications", {"applications": [f"urn:li:application:{table['application']}"]})
    if "copy_of" in table:
        column_lineage = [(path_, [f"{table['copy_of']}#{path_}"]) for path_, *_ in table["columns"]]
        out.add(urn, "upstreamLineage", lineage(urn, {"upstreams": [table["copy_of"]], "column_lineage": column_lineage}))


def corner_incidents(out, target):
    active, resolved = [], []
    for name, (state, stage, priority, title) in corners.INCIDENTS.items():
        urn = f"urn:li:incident:{name}"
        out.add(
            urn,
            "incidentInfo",
            {
                "type": "OPERATIONAL",
                "title": title,
                "description": "",
                "entities": [target],
                "priority": priority,
                "assignees": [{"actor": user("tomas.weber"), "assignedAt": stamp(user("editor"), 2)}],
                "status": {"state": state, "stage": stage, "message": "", "lastUpdated": stamp(user("tomas.weber"), 2)},
                "source": {"type": "MANUAL"},
                "created": stamp(user("editor"), 3),
            },
        )
        detail = {"urn": urn, "type": "OPERATIONAL", "createdAt": EPOCH - 3 * DAY, "priority": priority}
        (active if state == "ACTIVE" else resolved).append(detail)
    out.add(target, "incidentsSummary", {"activeIncidentDetails": active, "resolvedIncidentDetails": resolved})


def corners_file():
    out = File("10-corners.json")
    info = {"name": "oracle", "displayName": "Oracle", "type": "RELATIONAL_DB", "datasetNameDelimiter": "."}
    out.add("urn:li:dataPlatform:oracle", "dataPlatformInfo", info)
    for name, spec in corners.APPLICATIONS.items():
        urn = f"urn:li:application:{name}"
        out.add(urn, "applicationKey", {"id": name})
        out.add(urn, "applicationProperties", {"name": spec["name"], "description": spec["text"], "customProperties": {}})
        out.add(urn, "ownership", owners(spec["owners"]))
        out.add(urn, "status", {"removed": False})
    for reference, table in corners.TABLES.items():
        corner_table(out, reference, table)
    for urn, (aspect, value) in corners.REMOVED.items():
        out.add(urn, aspect, value)
        out.add(urn, "status", {"removed": True})
    corner_incidents(out, named("oracle:kiln.lab.sensor_readings"))
    out.write()


def check():
    """Every reference leads somewhere: a typing error must not become a ghost in the catalog."""
    known, used = set(), set()
    for file in sorted(HERE.glob("[01]*.json")):
        for proposal in json.loads(file.read_text(encoding="utf-8")):
            known.add(proposal["entityUrn"])
            used |= set(urns(proposal["aspect"]["json"]))
    fields = {
        field(named(reference), path)
        for reference, table in tables.TABLES.items()
        for path, *_ in columns(table)
    }
    fields |= {
        field(named(reference), path)
        for reference, table in corners.TABLES.items()
        for path, *_ in table["columns"]
    }
    builtin = ("urn:li:dataType:", "urn:li:entityType:", "urn:li:ownershipType:", SYSTEM)
    ghosts = sorted(u for u in used - known - fields if not u.startswith(builtin))
    assert not ghosts, "\n".join(ghosts)


def urns(value):
    if isinstance(value, dict):
        for inner in value.values():
            yield from urns(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from urns(inner)
    elif isinstance(value, str) and value.startswith("urn:li:"):
        yield value


if __name__ == "__main__":
    people()
    governance_file()
    datasets()
    pipelines()
    looker()
    activity()
    documents()
    corners_file()
    check()
