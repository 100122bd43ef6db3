"""DataHub's own SDK, `acryl-datahub`, against a sandbox: reads, a write, search, batches, its client."""

import asyncio

from catalog import Picks
from datahub.emitter.mcp import MetadataChangeProposalWrapper
from datahub.ingestion.graph.client import DatahubClientConfig, DataHubGraph
from datahub.metadata import schema_classes as models
from datahub.sdk import DataHubClient, FilterDsl
from stack import sandbox


async def main():
    async with sandbox([]) as datahub:
        done = [check(datahub) for check in (aspects, write, patch, search, batch, client)]
    print(f"{', '.join(done)} answered")


def graph(datahub):
    return DataHubGraph(DatahubClientConfig(server=datahub.url, token=datahub.token))


def aspects(datahub):
    """Every aspect of a dataset, typed by the SDK's classes."""
    urn = Picks(datahub).hub
    own = graph(datahub)
    assert own.exists(urn) and not own.exists(urn.replace("PROD", "DEV"))
    schema = own.get_aspect(urn, models.SchemaMetadataClass)
    assert [field.fieldPath for field in schema.fields] == Picks(datahub).columns(urn)
    assert own.get_aspect(urn, models.DashboardInfoClass) is None
    semi = own.get_entity_semityped(urn)
    assert semi["schemaMetadata"].to_obj() == schema.to_obj(), semi
    return "get_aspect"


def write(datahub):
    """A proposal is there at once, found by search, with its earlier version kept."""
    urn = "urn:li:dataset:(urn:li:dataPlatform:hive,sdk.written,PROD)"
    own = graph(datahub)
    for name in ("first name", "zyxomma"):
        aspect = models.DatasetPropertiesClass(name=name, description="Written by the SDK.")
        own.emit_mcp(MetadataChangeProposalWrapper(entityUrn=urn, aspect=aspect))
        assert own.get_aspect(urn, models.DatasetPropertiesClass).name == name
    assert own.get_aspect(urn, models.DatasetPropertiesClass, version=1).name == "first name"
    assert list(own.get_urns_by_filter(query="zyxomma")) == [urn]
    own.soft_delete_entity(urn)
    assert list(own.get_urns_by_filter(query="zyxomma")) == []
    own.hard_delete_entity(urn)
    assert not own.exists(urn)
    return "emit_mcp"


def patch(datahub):
    """A patch adds one tag and leaves the others."""
    from datahub.specific.dataset import DatasetPatchBuilder

    urn = Picks(datahub).hub
    own = graph(datahub)
    before = own.get_tags(urn)
    before = [tag.tag for tag in before.tags] if before else []
    tag = "urn:li:tag:by-the-sdk"
    for proposal in DatasetPatchBuilder(urn).add_tag(models.TagAssociationClass(tag=tag)).build():
        own.emit_mcp(proposal)
    after = [tag.tag for tag in own.get_tags(urn).tags]
    assert after == [*before, tag], after
    return "patch"


def search(datahub):
    """Pages of urns by filter are the same as one search with everything."""
    own = graph(datahub)
    found = set(own.get_urns_by_filter(entity_types=["dataset"], batch_size=7))
    assert found == set(Picks(datahub).datasets), found ^ set(Picks(datahub).datasets)
    return "get_urns_by_filter"


def batch(datahub):
    """Many entities in one call, each with the aspects asked for."""
    datasets = Picks(datahub).datasets[:20]
    found = graph(datahub).get_entities("dataset", datasets, ["datasetProperties", "status"])
    assert set(found) == set(datasets), found.keys()
    named = {urn: aspects["datasetProperties"][0].name for urn, aspects in found.items() if "datasetProperties" in aspects}
    assert named and all(
        datahub.aspects(urn)["datasetProperties"].get("name") == name for urn, name in named.items()
    ), named
    return "get_entities"


def client(datahub):
    """The newer client: entities, search with its filter language, lineage."""
    picks = Picks(datahub)
    own = DataHubClient(graph=graph(datahub))
    dataset = own.entities.get(picks.hub)
    assert [field.field_path for field in dataset.schema] == picks.columns(picks.hub)
    platform = dataset.platform.platform_name
    found = {str(urn) for urn in own.search.get_urns(filter=FilterDsl.and_(
        FilterDsl.entity_type("dataset"), FilterDsl.platform(platform)
    ))}  # fmt: skip
    assert found == {urn for urn in picks.datasets if f":{platform}," in urn}, found
    upstream = own.lineage.get_lineage(source_urn=picks.hub, direction="upstream", max_hops=3)
    assert picks.source in {result.urn for result in upstream}, upstream
    dataset.set_description("Described by the client.")
    own.entities.update(dataset)
    assert own.entities.get(picks.hub).description == "Described by the client."
    return "DataHubClient"


if __name__ == "__main__":
    asyncio.run(main())
