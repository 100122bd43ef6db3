"""What a catalog may hold and seldom does: names that have to be encoded, a very wide table, an
application, deprecated and removed assets, an incident in each state."""

# Columns with the characters that a schemaField urn encodes, in DataHub's second form of paths, with
# letters of other scripts, and two that differ in case alone.
ODD_COLUMNS = [
    ("SUM(x)", "NUMBER(18,2)", "An expression that a tool took for a name"),
    ("a,b", "VARCHAR", "A name with a comma"),
    ("100%", "NUMBER(5,2)", "A name with a percent sign"),
    ("two words", "VARCHAR", "A name with a space"),
    ("Größe", "VARCHAR", "Größe in Zentimetern"),
    ("価格", "NUMBER(18,2)", "税込み価格"),
    ("item_id", "NUMBER(38,0)", ""),
    ("ITEM_ID", "VARCHAR", "Not the same column as item_id"),
    ("[version=2.0].[type=struct].[type=array(string,int)].parts", "ARRAY", "A path of the second form"),
    ("[version=2.0].[type=struct].[type=struct].box.[type=string].label", "VARCHAR", ""),
]

# Oracle refuses more than 1,000 columns, which is also as many as DataHub's index takes of a list.
WIDE_COLUMNS = [
    (f"reading_{n:04}", "NUMBER(10,4)", f"Sensor {n}" if n % 100 == 0 else "") for n in range(1, 1001)
]

TABLES = {
    "oracle:kiln.lab.odd_names": {
        "text": "Firing protocols, as the kiln's own software names them.",
        "columns": ODD_COLUMNS,
        "application": "kiln-control",
        "deprecated": False,
    },
    "oracle:kiln.lab.odd_names_copy": {
        "text": "A copy of odd_names, column by column.",
        "columns": ODD_COLUMNS,
        "copy_of": "oracle:kiln.lab.odd_names",
        "application": "kiln-control",
    },
    "oracle:kiln.lab.sensor_readings": {
        "text": "One row for each firing, one column for each of the kiln's sensors.",
        "columns": WIDE_COLUMNS,
        "application": "kiln-control",
    },
    "oracle:kiln.lab.retired_glazes": {
        "text": "Glazes that are fired no more.",
        "columns": [("glaze", "VARCHAR", ""), ("retired_on", "DATE", "")],
        "deprecated": True,
    },
    "oracle:kiln.lab.scrapped": {
        "text": "Dropped with the old kiln.",
        "columns": [("glaze", "VARCHAR", "")],
        "removed": True,
    },
}

APPLICATIONS = {
    "kiln-control": {
        "name": "Kiln Control",
        "text": "The software that fires the kilns and keeps their protocols.",
        "owners": ["data-platform:technical"],
    },
}

# Removed entities of other types: the aspect and its value.
REMOVED = {
    "urn:li:tag:Glaze2019": ("tagProperties", {"name": "Glaze2019", "description": "Of the old kiln"}),
    "urn:li:glossaryTerm:bisque-rate": (
        "glossaryTermInfo",
        {"name": "Bisque rate", "definition": "Share of pieces fired twice", "termSource": "INTERNAL"},
    ),
}

# Every stage of an incident, each in the state that goes with it.
INCIDENTS = {
    "kiln-triage": ("ACTIVE", "TRIAGE", 3, "Sensor 12 reads zero"),
    "kiln-investigation": ("ACTIVE", "INVESTIGATION", 2, "Protocols arrive twice"),
    "kiln-work": ("ACTIVE", "WORK_IN_PROGRESS", 1, "Clock of the second kiln is an hour behind"),
    "kiln-fixed": ("RESOLVED", "FIXED", 0, "No protocol for two days"),
    "kiln-no-action": ("RESOLVED", "NO_ACTION_REQUIRED", 3, "Sensor 700 is noisy"),
}
