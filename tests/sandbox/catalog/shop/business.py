"""Everything around the datasets of Lantern & Loom: people, words, pipelines, dashboards, events."""

from tables import DBT, KAFKA, PG, SF

PEOPLE = {
    "admin": {"name": "Ada Marsh", "title": "Data Platform Lead", "department": "Data Platform", "groups": ["data-platform"], "about": "Runs the warehouse and this catalog."},
    "editor": {"name": "Edwin Okoro", "title": "Analytics Engineer", "department": "Analytics", "groups": ["analytics"], "about": "Owns the marts. Ask me about fct_orders."},
    "viewer": {"name": "Vera Lindqvist", "title": "Store Manager, Malmö", "department": "Stores", "groups": ["store-operations"]},
    "suspended": {"name": "Silas Penn", "title": "Contractor (left)", "department": "Analytics", "groups": []},
    "priya.nair": {"name": "Priya Nair", "title": "Data Governance Manager", "department": "Data Platform", "groups": ["data-platform"], "about": "Glossary, domains, privacy questions."},
    "tomas.weber": {"name": "Tomas Weber", "title": "Senior Data Engineer", "department": "Data Platform", "groups": ["data-platform"], "about": "Airflow and ingestion; on call every third week."},
    "greta.olsen": {"name": "Greta Olsen", "title": "Head of Financial Planning", "department": "Finance", "groups": ["finance-analytics"]},
    "noor.haddad": {"name": "Noor Haddad", "title": "Director of E-Commerce", "department": "Commerce", "groups": []},
    "bram.visser": {"name": "Bram Visser", "title": "Replenishment Manager", "department": "Supply Chain", "groups": ["supply-chain"]},
    "helene.brandt": {"name": "Helene Brandt", "title": "Data Protection Officer", "department": "Legal", "groups": []},
    "ines.duarte": {"name": "Ines Duarte", "title": "Head of CRM and Marketing", "department": "Marketing", "groups": ["crm"]},
    "kofi.mensah": {"name": "Kofi Mensah", "title": "Data Scientist", "department": "Data Science", "groups": ["data-science"]},
    "svc-airflow": {"name": "Airflow Service", "title": "Service account", "department": "Data Platform", "groups": []},
}

# name: title, text, admins
GROUPS = {
    "data-platform": ("Data Platform", "Warehouse, pipelines, catalog. On call around the clock.", ["admin"]),
    "analytics": ("Analytics", "Marts, dashboards and the metric definitions.", ["editor"]),
    "finance-analytics": ("Finance Analytics", "Revenue, settlement and the board's figures.", ["greta.olsen"]),
    "supply-chain": ("Supply Chain", "Warehouses, carriers, replenishment.", ["bram.visser"]),
    "merchandising": ("Merchandising", "Range, prices, suppliers' designs.", ["noor.haddad"]),
    "crm": ("CRM", "Accounts, Hearth Club, consent.", ["ines.duarte"]),
    "web-analytics": ("Web Analytics", "Clickstream, campaigns, experiments.", ["ines.duarte"]),
    "data-science": ("Data Science", "Churn, lifetime value, recommendations.", ["kofi.mensah"]),
    "payments": ("Payments", "Everything between checkout and bank account.", ["greta.olsen"]),
    "shop-backend": ("Shop Backend", "Checkout, catalog and order services.", ["noor.haddad"]),
    "store-operations": ("Store Operations", "The nine stores.", ["viewer"]),
}

# name: title, colour, text
TAGS = {
    "pii": ("PII", "#D64545", "Holds data that names a person or can be traced to one. Access needs a purpose."),
    "restricted": ("Restricted", "#9B2C2C", "Commercially sensitive: costs, margins, payments. Named groups only."),
    "gdpr-erasable": ("GDPR erasable", "#B7791F", "Covered by the erasure job: rows of a person go within 30 days of the request."),
    "tier-1": ("Tier 1", "#2F855A", "Outage wakes somebody up."),
    "tier-2": ("Tier 2", "#68D391", "Outage is fixed on the next working day."),
    "certified": ("Certified", "#2B6CB0", "Reviewed by Analytics; definitions agreed with Finance. Prefer these."),
    "hourly": ("Hourly", "#805AD5", "Refreshed every hour."),
    "daily": ("Daily", "#B794F4", "Refreshed every night, there by 06:00 Europe/Berlin."),
    "experimental": ("Experimental", "#DD6B20", "May change or go without notice."),
    "high-volume": ("High volume", "#4A5568", "Filter by time, or the query costs real money."),
}

# name: title, parent, text
NODES = {
    "commerce": ("Commerce", None, "Words of selling: orders, revenue, returns."),
    "commerce-metrics": ("Metrics", "commerce", "Figures that are reported; each has one definition."),
    "supply": ("Supply", None, "Words of buying, storing and sending."),
    "privacy": ("Privacy", None, "Classes of data about people and what they oblige us to do."),
}

TERMS = {
    "order": {"title": "Order", "node": "commerce", "domain": "sales", "text": "A confirmed basket of one customer. It exists from the confirmation on, paid or not; reports count paid orders only."},
    "order-line": {"title": "Order Line", "node": "commerce", "domain": "sales", "text": "One SKU within an order, with its quantity and price at that time.", "is_a": []},
    "refund": {"title": "Refund", "node": "commerce", "domain": "finance", "text": "Money given back to a customer, whatever the reason."},
    "customer": {"title": "Customer", "node": "commerce", "domain": "customer", "text": "A person with an account. Guests at a till are buyers, not customers."},
    "gross-revenue": {"title": "Gross Revenue", "node": "commerce-metrics", "domain": "finance", "owner": "greta.olsen", "text": "What customers paid for paid orders, tax and shipping included, before refunds."},
    "net-revenue": {"title": "Net Revenue", "node": "commerce-metrics", "domain": "finance", "owner": "greta.olsen", "text": "Gross revenue less VAT and refunds. Refunds count on the day of the order, not of the refund; a day is final after 45 days.", "is_a": ["gross-revenue"], "has_a": ["refund"]},
    "average-order-value": {"title": "Average Order Value", "node": "commerce-metrics", "domain": "finance", "owner": "greta.olsen", "text": "Gross revenue divided by the number of paid orders.", "has_a": ["gross-revenue", "order"]},
    "active-customer": {"title": "Active Customer", "node": "commerce-metrics", "domain": "customer", "text": "A customer with a paid order within the last 365 days.", "is_a": ["customer"]},
    "return-rate": {"title": "Return Rate", "node": "commerce-metrics", "domain": "supply-chain", "text": "Returned pieces divided by delivered pieces, by week of delivery."},
    "sku": {"title": "SKU", "node": "supply", "domain": "merchandising", "text": "Stock keeping unit: a product in one colour and size."},
    "stock-on-hand": {"title": "Stock on Hand", "node": "supply", "domain": "supply-chain", "owner": "bram.visser", "text": "Pieces physically in a building, reserved ones included."},
    "stock-cover": {"title": "Stock Cover", "node": "supply", "domain": "supply-chain", "owner": "bram.visser", "text": "Days until a SKU runs out at the average sale of the last 28 days.", "has_a": ["stock-on-hand"]},
    "personal-data": {"title": "Personal Data", "node": "privacy", "owner": "helene.brandt", "text": "Any information about a person who is or can be identified (GDPR Art. 4). Needs a purpose and an end date."},
    "sensitive-personal-data": {"title": "Sensitive Personal Data", "node": "privacy", "owner": "helene.brandt", "text": "Personal data whose loss hurts: birth dates, payment tokens. Never leaves the source system in clear.", "is_a": ["personal-data"]},
}

# name: title, parent, text, owner
DOMAINS = {
    "commerce": ("Commerce", None, "Everything that a customer sees and buys.", "noor.haddad"),
    "sales": ("Sales", "commerce", "Orders from all channels: web, app, nine stores, phone.", "noor.haddad"),
    "merchandising": ("Merchandising", "commerce", "Products, prices and the category tree.", "noor.haddad"),
    "customer": ("Customer", "commerce", "Accounts, consent and the Hearth Club.", "ines.duarte"),
    "marketing": ("Marketing", "commerce", "Campaigns, clickstream, shop search.", "ines.duarte"),
    "supply-chain": ("Supply Chain", None, "Stock, warehouses, parcels, suppliers.", "bram.visser"),
    "finance": ("Finance", None, "Revenue, payments, settlement.", "greta.olsen"),
}

PROPERTIES = {
    "retention": {"title": "Retention", "type": "string", "entities": ["dataset"], "text": "How long rows are kept.", "values": [("90 days", "Operational data"), ("2 years", "Behaviour of customers"), ("7 years", "Bookkeeping needs it"), ("Until erasure", "As long as the person has an account")]},
    "freshness": {"title": "Freshness promise", "type": "string", "entities": ["dataset"], "text": "How old the newest row may be.", "values": [("Real-time", "Seconds"), ("Hourly", "At most 90 minutes"), ("Daily", "There by 06:00 Europe/Berlin")]},
    "qualityScore": {"title": "Quality score", "type": "number", "entities": ["dataset"], "text": "Share of passed checks of the last 30 days, in percent."},
    "costCentre": {"title": "Cost centre", "type": "string", "entities": ["dataset", "dataProduct"], "text": "Who pays for storage and compute."},
    "escalation": {"title": "Escalation contacts", "type": "string", "entities": ["dataset"], "cardinality": "MULTIPLE", "text": "Mail addresses to write to when the on-call does not answer."},
}

PLATFORMS = {
    "postgres": ("PostgreSQL", "."),
    "kafka": ("Kafka", "."),
    "dbt": ("dbt", "."),
    "snowflake": ("Snowflake", "."),
    "looker": ("Looker", "."),
    "airflow": ("Airflow", "."),
}
PLATFORM_TYPES = {
    "postgres": "RELATIONAL_DB",
    "kafka": "MESSAGE_BROKER",
    "dbt": "OTHERS",
    "snowflake": "RELATIONAL_DB",
    "looker": "OTHERS",
    "airflow": "OTHERS",
}

CONTAINERS = {
    "postgres.shop": "The shop's own database. Read replicas only for analysis.",
    "postgres.shop.sales": "Orders and money.",
    "postgres.shop.catalog": "What we sell.",
    "postgres.shop.crm": "Who buys. Personal data: ask before you read.",
    "postgres.shop.logistics": "Where things are.",
    "snowflake.lantern": "The warehouse.",
    "snowflake.lantern.staging": "Cleaned copies of sources. Not for reports.",
    "snowflake.lantern.marts": "Tables for analysis; start here.",
    "snowflake.lantern.marketing": "Campaigns and the web.",
    "snowflake.lantern.finance": "Settlement. Restricted.",
    "dbt.lantern": "The dbt project `lantern`.",
}

DATA_PRODUCTS = {
    "revenue": {
        "title": "Revenue",
        "text": "Agreed revenue figures by order and by day. Finance answers for the definitions, Analytics for the tables.",
        "assets": [SF + "marts.fct_orders", SF + "marts.revenue_daily", SF + "finance.daily_settlement"],
        "owners": ["greta.olsen:business", "analytics:technical"],
        "domain": "finance",
        "tags": ["certified"],
        "properties": {"costCentre": ["CC-410 Finance"]},
    },
    "customer-insight": {
        "title": "Customer Insight",
        "text": "Who buys, how often, and who is about to leave. Contains no names.",
        "assets": [SF + "marts.dim_customer", SF + "marts.customer_360"],
        "owners": ["ines.duarte:business", "data-science:technical"],
        "domain": "customer",
        "terms": ["active-customer"],
    },
}

# ---- airflow

FLOWS = {
    "shop_hourly": {
        "text": "Reads the shop's database and topics into staging, every hour at five past.",
        "schedule": "5 * * * *",
        "owners": ["data-platform:technical"],
        "domain": "sales",
        "tags": ["tier-1", "hourly"],
        "jobs": {
            "load_orders": {"text": "Orders and lines that changed since the last run, by `updated_at`.", "operator": "DbtRunOperator", "reads": [PG + "sales.orders", PG + "sales.order_lines"], "writes": [DBT + "staging.stg_orders", DBT + "staging.stg_order_lines"], "columns": [((DBT + "staging.stg_orders", "order_id"), [(PG + "sales.orders", "order_id")])]},
            "load_payments": {"text": "Payments, refunds and settlement events.", "operator": "DbtRunOperator", "reads": [PG + "sales.payments", PG + "sales.refunds", KAFKA + "payments.settled.v1"], "writes": [DBT + "staging.stg_payments"]},
            "load_customers": {"text": "Customers, pseudonymised on the way in.", "operator": "DbtRunOperator", "reads": [PG + "crm.customers", PG + "crm.loyalty_accounts"], "writes": [DBT + "staging.stg_customers"], "tags": ["pii"]},
            "build_fct_orders": {"text": "Runs and tests `fct_orders`. Fails loudly if yesterday's revenue moved by more than 40 %.", "operator": "DbtRunOperator", "after": ["load_orders", "load_payments"], "reads": [DBT + "staging.stg_orders", DBT + "staging.stg_payments"], "writes": [DBT + "marts.fct_orders", SF + "marts.fct_orders"]},
        },
    },
    "marts_nightly": {
        "text": "Builds the marts at 03:00 Europe/Berlin. Late after 06:00.",
        "schedule": "0 3 * * *",
        "owners": ["analytics:technical"],
        "domain": "finance",
        "tags": ["tier-1", "daily"],
        "jobs": {
            "build_dimensions": {"text": "Customers and products.", "operator": "DbtRunOperator", "reads": [DBT + "staging.stg_customers", DBT + "staging.stg_products"], "writes": [DBT + "marts.dim_customer", DBT + "marts.dim_product"]},
            "build_revenue_daily": {"text": "Revenue by day; freezes the day that turned 45 days old.", "operator": "SnowflakeOperator", "after": ["build_dimensions"], "reads": [SF + "marts.fct_orders", SF + "marts.dim_customer"], "writes": [SF + "marts.revenue_daily"]},
            "build_settlement": {"text": "Compares providers with the bank.", "operator": "SnowflakeOperator", "reads": [SF + "staging.stg_payments"], "writes": [SF + "finance.daily_settlement"]},
            "build_stock_daily": {"text": "Rebuilds stock by end of day.", "operator": "SparkSubmitOperator", "reads": [KAFKA + "stock.moved.v1", PG + "logistics.stock_levels"], "writes": [SF + "marts.fct_stock_daily"], "domain": "supply-chain"},
        },
    },
    "customer_features": {
        "text": "Features and scores of the customer models, after the marts.",
        "schedule": "after marts_nightly",
        "owners": ["data-science:technical"],
        "domain": "customer",
        "tags": ["daily"],
        "jobs": {
            "build_features": {"text": "One column a feature.", "operator": "SparkSubmitOperator", "reads": [SF + "marts.dim_customer", SF + "marts.fct_orders", SF + "marketing.web_sessions"], "writes": [SF + "marts.customer_360"]},
            "score_churn": {"text": "Model churn-2; writes `churn_probability`.", "after": ["build_features"], "reads": [SF + "marts.customer_360"], "writes": [SF + "marts.customer_360"], "tags": ["experimental"]},
        },
    },
}

# ---- looker

FOLDERS = {
    "board": ("Board", "Figures for the board. Changes need Greta's approval."),
    "operations": ("Operations", "For the stores and the warehouses, refreshed through the day."),
    "marketing": ("Marketing", "Campaigns and the web shop."),
}

CHARTS = {
    "revenue_by_day": {"title": "Net revenue by day", "text": "Last 90 days against the year before.", "folder": "board", "inputs": [SF + "marts.revenue_daily"], "fields": [SF + "marts.revenue_daily#day", SF + "marts.revenue_daily#net_revenue_eur"], "owners": ["finance-analytics:technical"], "domain": "finance", "terms": ["net-revenue"], "tags": ["certified"]},
    "revenue_by_channel": {"title": "Revenue by channel", "text": "Web, app, stores, phone.", "kind": "BAR", "folder": "board", "inputs": [SF + "marts.revenue_daily"], "fields": [SF + "marts.revenue_daily#channel", SF + "marts.revenue_daily#gross_revenue_eur"], "owners": ["finance-analytics:technical"], "domain": "finance", "terms": ["gross-revenue"]},
    "average_order_value": {"title": "Average order value", "text": "By week and channel.", "folder": "board", "inputs": [SF + "marts.revenue_daily"], "fields": [SF + "marts.revenue_daily#average_order_value_eur"], "owners": ["finance-analytics:technical"], "domain": "finance", "terms": ["average-order-value"]},
    "orders_today": {"title": "Orders today", "text": "Since midnight, by hour.", "folder": "operations", "inputs": [SF + "marts.fct_orders"], "fields": [SF + "marts.fct_orders#order_id", SF + "marts.fct_orders#placed_at"], "owners": ["analytics:technical"], "domain": "sales"},
    "stock_cover": {"title": "Stock cover below 14 days", "text": "SKUs that run out soon, with what is inbound.", "kind": "TABLE", "folder": "operations", "inputs": [SF + "marts.fct_stock_daily", SF + "marts.dim_product"], "fields": [SF + "marts.fct_stock_daily#cover_days", SF + "marts.dim_product#sku"], "owners": ["supply-chain:technical"], "domain": "supply-chain", "terms": ["stock-cover"]},
    "late_parcels": {"title": "Late parcels by carrier", "text": "Share of parcels after the promised day.", "kind": "BAR", "folder": "operations", "inputs": [SF + "marts.delivery_performance"], "fields": [SF + "marts.delivery_performance#carrier", SF + "marts.delivery_performance#days_late"], "owners": ["supply-chain:technical"], "domain": "supply-chain"},
    "campaign_revenue": {"title": "Revenue by campaign", "text": "Last non-direct click.", "kind": "BAR", "folder": "marketing", "inputs": [SF + "marketing.campaign_attribution"], "fields": [SF + "marketing.campaign_attribution#campaign", SF + "marketing.campaign_attribution#attributed_revenue_eur"], "owners": ["web-analytics:technical"], "domain": "marketing"},
    "failed_searches": {"title": "Searches without a result", "text": "What people want and we do not have.", "kind": "TABLE", "folder": "marketing", "inputs": [SF + "marketing.product_searches"], "fields": [SF + "marketing.product_searches#term", SF + "marketing.product_searches#without_result"], "owners": ["web-analytics:technical"], "domain": "marketing"},
    "churn_risk": {"title": "Customers at risk", "text": "Distribution of the churn score by tier.", "kind": "HISTOGRAM", "folder": "marketing", "inputs": [SF + "marts.customer_360"], "fields": [SF + "marts.customer_360#churn_probability", SF + "marts.customer_360#loyalty_tier"], "owners": ["data-science:technical"], "domain": "customer", "tags": ["experimental"]},
}

DASHBOARDS = {
    "board_weekly": {"title": "Board weekly", "text": "What the board looks at on Monday morning: revenue, channels, order value. Every number is defined in the glossary.", "folder": "board", "charts": ["revenue_by_day", "revenue_by_channel", "average_order_value"], "owners": ["greta.olsen:business", "finance-analytics:technical"], "domain": "finance", "tags": ["certified", "tier-1"], "terms": ["net-revenue"], "views": 40},
    "store_floor": {"title": "Store floor", "text": "On the screen in every back room: orders to pick, stock that runs out, parcels that are late.", "folder": "operations", "charts": ["orders_today", "stock_cover", "late_parcels"], "owners": ["store-operations:business", "analytics:technical"], "domain": "sales", "tags": ["tier-2"], "views": 180},
    "campaigns": {"title": "Campaigns", "text": "Spend is entered by hand; revenue is by last click.", "folder": "marketing", "charts": ["campaign_revenue", "failed_searches"], "owners": ["ines.duarte:business"], "domain": "marketing", "views": 25},
    "customer_health": {"title": "Customer health", "text": "Active customers, churn risk, Hearth Club tiers.", "folder": "marketing", "charts": ["churn_risk"], "owners": ["ines.duarte:business", "data-science:technical"], "domain": "customer", "terms": ["active-customer"], "views": 18},
}

# ---- activity

USAGE = {
    SF + "marts.fct_orders": {"queries": 220, "users": ["editor", "greta.olsen", "kofi.mensah", "ines.duarte"], "top": ["select channel, sum(net_revenue_eur) from lantern.marts.fct_orders where placed_at >= current_date - 30 group by 1", "select count(*) from lantern.marts.fct_orders where is_first_order"]},
    SF + "marts.revenue_daily": {"queries": 140, "users": ["greta.olsen", "editor", "noor.haddad"], "top": ["select day, sum(net_revenue_eur) from lantern.marts.revenue_daily group by 1 order by 1 desc limit 90"]},
    SF + "marts.customer_360": {"queries": 36, "users": ["kofi.mensah", "ines.duarte"], "top": ["select loyalty_tier, avg(churn_probability) from lantern.marts.customer_360 where as_of = current_date - 1 group by 1"]},
    SF + "marts.fct_stock_daily": {"queries": 60, "users": ["bram.visser", "viewer"], "top": ["select * from lantern.marts.fct_stock_daily where cover_days < 14 and day = current_date - 1"]},
    SF + "marts.dim_customer": {"queries": 48, "users": ["editor", "kofi.mensah"], "top": ["select count(*) from lantern.marts.dim_customer where is_active"]},
    SF + "marketing.campaign_attribution": {"queries": 22, "users": ["ines.duarte"], "top": ["select campaign, sum(attributed_revenue_eur) from lantern.marketing.campaign_attribution group by 1"]},
    PG + "sales.orders": {"queries": 18, "users": ["svc-airflow", "tomas.weber"], "top": ["select * from sales.orders where updated_at > $1"]},
}

PROFILES = {
    SF + "marts.fct_orders": {"rows": 18_402_311, "growth": 61_400, "samples": {"channel": ["web", "app", "store", "phone"]}, "ranges": {"gross_revenue_eur": ["0.00", "18420.00", "74.31"], "item_count": ["1", "240", "2.7"]}},
    SF + "marts.revenue_daily": {"rows": 43_218, "growth": 196, "samples": {"channel": ["web", "app", "store", "phone"], "country": ["DE", "SE", "NL", "DK", "AT"]}, "ranges": {"net_revenue_eur": ["-120.00", "1204331.10", "31877.02"]}},
    SF + "marts.dim_customer": {"rows": 2_311_876, "growth": 8_900, "samples": {"loyalty_tier": ["none", "ember", "flame", "beacon"], "preferred_language": ["de", "sv", "nl", "da", "en"]}},
    SF + "marts.customer_360": {"rows": 2_311_876, "growth": 8_900, "samples": {"loyalty_tier": ["none", "ember", "flame", "beacon"]}},
    PG + "sales.orders": {"rows": 19_877_020, "growth": 66_100, "samples": {"status": ["delivered", "shipped", "paid", "cancelled"], "currency": ["EUR", "SEK", "DKK"]}, "ranges": {"total_amount": ["0.00", "18420.00", "74.02"]}},
}

QUERIES = {
    "revenue-by-channel-30d": {"title": "Revenue by channel, 30 days", "text": "The figure that sales asks for every Monday.", "by": "editor", "on": [SF + "marts.fct_orders"], "sql": "select channel, count(*) as orders, sum(net_revenue_eur) as net_revenue_eur\nfrom lantern.marts.fct_orders\nwhere placed_at >= dateadd(day, -30, current_date)\ngroup by channel\norder by net_revenue_eur desc"},
    "first-orders-by-month": {"title": "First orders by month", "text": "New customers, as marketing counts them.", "by": "ines.duarte", "on": [SF + "marts.fct_orders", SF + "marts.dim_customer"], "sql": "select date_trunc('month', o.placed_at) as month, count(*) as new_customers\nfrom lantern.marts.fct_orders o\njoin lantern.marts.dim_customer c using (customer_id)\nwhere o.is_first_order\ngroup by 1\norder by 1"},
    "sku-running-out": {"title": "SKUs that run out within two weeks", "text": "Replenishment's list.", "by": "bram.visser", "on": [SF + "marts.fct_stock_daily", SF + "marts.dim_product"], "sql": "select p.sku, p.product_name, s.warehouse_code, s.on_hand, s.cover_days\nfrom lantern.marts.fct_stock_daily s\njoin lantern.marts.dim_product p using (variant_id)\nwhere s.day = current_date - 1 and s.cover_days < 14\norder by s.cover_days"},
    "settlement-differences": {"title": "Settlement differences", "text": "Days on which a provider paid something else than it owed.", "by": "greta.olsen", "on": [SF + "finance.daily_settlement"], "sql": "select day, provider, difference_eur\nfrom lantern.finance.daily_settlement\nwhere abs(difference_eur) > 50\norder by day desc"},
    "churn-by-tier": {"title": "Churn score by tier", "text": "For the Hearth Club review.", "by": "kofi.mensah", "on": [SF + "marts.customer_360"], "sql": "select loyalty_tier, avg(churn_probability) as churn, count(*) as customers\nfrom lantern.marts.customer_360\nwhere as_of = current_date - 1\ngroup by loyalty_tier"},
    "fct-orders-insert": {"title": "Build of fct_orders", "text": "As the warehouse logged it.", "by": "svc-airflow", "source": "SYSTEM", "on": [SF + "marts.fct_orders", SF + "staging.stg_orders"], "sql": "insert into lantern.marts.fct_orders\nselect o.order_id, o.customer_id, o.channel, o.store_code, o.placed_at, o.gross_amount_eur, ...\nfrom lantern.staging.stg_orders o\njoin lantern.staging.stg_payments p using (order_id)"},
}

def number(value):
    return {"value": str(value), "type": "NUMBER"}


ASSERTIONS = {
    "fct-orders-fresh": {"on": SF + "marts.fct_orders", "type": "FRESHNESS", "text": "fct_orders was updated within 90 minutes.", "observed": ["41 minutes", "212 minutes"], "failed_days_ago": [5], "info": lambda target, field: {"freshnessAssertion": {"type": "DATASET_CHANGE", "entity": target, "schedule": {"type": "FIXED_INTERVAL", "fixedInterval": {"unit": "MINUTE", "multiple": 90}}}}},
    "fct-orders-volume": {"on": SF + "marts.fct_orders", "type": "VOLUME", "text": "fct_orders has at least 18 million rows.", "observed": ["18402311", "0"], "info": lambda target, field: {"volumeAssertion": {"type": "ROW_COUNT_TOTAL", "entity": target, "rowCountTotal": {"operator": "GREATER_THAN_OR_EQUAL_TO", "parameters": {"value": number(18_000_000)}}}}},
    "fct-orders-order-id-unique": {"on": SF + "marts.fct_orders", "type": "DATASET", "text": "order_id is unique.", "observed": ["0 duplicates", "3 duplicates"], "info": lambda target, field: {"datasetAssertion": {"dataset": target, "scope": "DATASET_COLUMN", "fields": [field(target, "order_id")], "aggregation": "UNIQUE_PROPOTION", "operator": "EQUAL_TO", "parameters": {"value": number(1)}, "nativeType": "unique"}}},
    "revenue-daily-not-negative": {"on": SF + "marts.revenue_daily", "type": "DATASET", "text": "gross_revenue_eur is never negative.", "observed": ["0 rows", "2 rows"], "failed_days_ago": [0, 1], "info": lambda target, field: {"datasetAssertion": {"dataset": target, "scope": "DATASET_COLUMN", "fields": [field(target, "gross_revenue_eur")], "aggregation": "MIN", "operator": "GREATER_THAN_OR_EQUAL_TO", "parameters": {"value": number(0)}, "nativeType": "accepted_range"}}},
    "orders-customer-exists": {"on": PG + "sales.orders", "type": "DATASET", "text": "customer_id is null for less than a third of the orders.", "observed": ["0.21", "0.42"], "info": lambda target, field: {"datasetAssertion": {"dataset": target, "scope": "DATASET_COLUMN", "fields": [field(target, "customer_id")], "aggregation": "NULL_PROPORTION", "operator": "LESS_THAN", "parameters": {"value": number(0.33)}, "nativeType": "not_null_proportion"}}},
    "stock-cover-filled": {"on": SF + "marts.fct_stock_daily", "type": "VOLUME", "text": "Every day adds between 9,000 and 14,000 rows.", "observed": ["11204", "311"], "failed_days_ago": [3], "info": lambda target, field: {"volumeAssertion": {"type": "ROW_COUNT_CHANGE", "entity": target, "rowCountChange": {"type": "ABSOLUTE", "operator": "BETWEEN", "parameters": {"minValue": number(9000), "maxValue": number(14000)}}}}},
}

INCIDENTS = {
    "revenue-daily-negative-rows": {"on": [SF + "marts.revenue_daily"], "type": "FIELD", "priority": 1, "state": "ACTIVE", "days_ago": 1, "title": "Negative gross revenue for phone orders", "text": "Two rows of yesterday have a negative gross revenue. It looks as if a refund was booked as an order by the phone desk's new tool. The board's figures are off by 120 EUR.", "message": "Phone desk is looking; do not rerun the day."},
    "clickstream-gap": {"on": [KAFKA + "web.clickstream.v3", SF + "marketing.web_sessions"], "type": "OPERATIONAL", "priority": 2, "state": "ACTIVE", "days_ago": 2, "title": "App events missing since release 8.4", "text": "The app sends no product_view since release 8.4. Sessions look too short; attribution is not touched.", "message": "Fix is in 8.4.1, in review at the store."},
    "fct-orders-late": {"on": [SF + "marts.fct_orders"], "type": "FRESHNESS", "priority": 0, "state": "RESOLVED", "days_ago": 5, "title": "fct_orders three hours late", "text": "The read replica of the shop's database lagged behind after the maintenance window.", "message": "Replica rebuilt, all runs caught up at 09:40."},
}
