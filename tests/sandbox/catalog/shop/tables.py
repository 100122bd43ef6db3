"""The datasets of Lantern & Loom: what is in them, who owns them, what they are made of.

`columns` has one column a line: name | native type | description | flags (key, null, tag=, term=).
"""

PG, DBT, SF, KAFKA = "postgres:shop.", "dbt:lantern.", "snowflake:lantern.", "kafka:"


def same(source, names):
    """Columns that are taken over as they are."""
    return [(name, [f"{source}#{name}"]) for name in names.split()]


TABLES = {}

# ---- postgres: the shop's own database

TABLES[PG + "sales.orders"] = {
    "text": "One row for each order placed on the web shop, in the app or at a till. The row is written when the basket is confirmed and is never deleted; cancellations change `status`. Source of truth for order totals.",
    "owners": ["shop-backend:technical", "noor.haddad:business"],
    "domain": "sales",
    "tags": ["tier-1"],
    "terms": ["order"],
    "properties": {"retention": ["7 years"], "freshness": ["Real-time"], "escalation": ["noor.haddad@lanternandloom.example"]},
    "foreign_keys": [("customer_id", PG + "crm.customers", "customer_id"), ("shipping_address_id", PG + "crm.addresses", "address_id")],
    "columns": """
order_id | bigint | Number printed on the confirmation mail. Never reused. | key term=order
customer_id | bigint | Buyer. Null for guests at a till. | null
channel | varchar(16) | web, app, store or phone.
store_code | varchar(8) | Till's store; null for web and app. | null
status | varchar(16) | placed, paid, picked, shipped, delivered, cancelled or returned.
placed_at | timestamptz | When the basket was confirmed, UTC.
paid_at | timestamptz | When the payment was captured. | null
currency | char(3) | ISO 4217 code that the customer paid in.
subtotal_amount | numeric(12,2) | Sum of the lines before discount, tax included.
discount_amount | numeric(12,2) | Vouchers and promotions, as a positive number.
shipping_amount | numeric(12,2) | What the customer paid for delivery.
tax_amount | numeric(12,2) | VAT contained in `total_amount`.
total_amount | numeric(12,2) | What the customer owes: subtotal - discount + shipping. | term=gross-revenue
voucher_code | varchar(32) | Voucher entered at checkout. | null
shipping_address_id | bigint | Where it goes. | null
gift_message | text | Free text for the parcel note. May name people. | null tag=pii
created_by | varchar(64) | Service or till that wrote the row.
updated_at | timestamptz | Last change of the row; the extraction reads by it.
""",
}

TABLES[PG + "sales.order_lines"] = {
    "text": "The articles of an order, one row a variant. Prices are those of the moment of purchase and do not follow later price changes.",
    "owners": ["shop-backend:technical"],
    "domain": "sales",
    "tags": ["tier-1"],
    "terms": ["order-line"],
    "foreign_keys": [("order_id", PG + "sales.orders", "order_id"), ("variant_id", PG + "catalog.product_variants", "variant_id")],
    "columns": """
order_line_id | bigint | Surrogate key. | key
order_id | bigint | The order.
line_number | smallint | Position on the confirmation, from 1.
variant_id | bigint | What was bought. | term=sku
quantity | int | Pieces. Never negative; returns have their own table.
unit_price | numeric(12,2) | Price of one piece before discount, tax included.
line_discount | numeric(12,2) | Share of the order's discount, split by value.
line_total | numeric(12,2) | quantity * unit_price - line_discount. | term=gross-revenue
tax_rate | numeric(5,4) | VAT rate, 0.1900 for 19 %.
is_gift_wrapped | bool | Gift wrapping chosen.
""",
}

TABLES[PG + "sales.payments"] = {
    "text": "Payment attempts as the payment provider reports them. An order can have several: failed cards, split payments, partial captures. Card numbers never reach us; we keep the provider's token.",
    "owners": ["payments:technical", "greta.olsen:business"],
    "domain": "finance",
    "tags": ["tier-1", "restricted"],
    "foreign_keys": [("order_id", PG + "sales.orders", "order_id")],
    "columns": """
payment_id | uuid | Our id of the attempt. | key
order_id | bigint | What is paid for.
provider | varchar(24) | stripe, klarna, paypal or giftcard.
provider_reference | varchar(64) | The provider's id, for disputes.
method | varchar(24) | card, invoice, wallet, giftcard.
status | varchar(16) | authorised, captured, failed, refunded, charged_back.
amount | numeric(12,2) | Amount of this attempt.
currency | char(3) | ISO 4217.
fee_amount | numeric(12,4) | What the provider keeps. | null
card_token | varchar(64) | Token for repeated payments. Worthless outside the provider. | null tag=pii term=sensitive-personal-data
authorised_at | timestamptz | First success. | null
captured_at | timestamptz | Money moved. | null
failure_code | varchar(32) | Provider's reason. | null
""",
}

TABLES[PG + "sales.refunds"] = {
    "text": "Money given back: returns, goodwill, lost parcels. Written by customer service or by the returns desk.",
    "owners": ["payments:technical"],
    "domain": "finance",
    "foreign_keys": [("order_id", PG + "sales.orders", "order_id"), ("payment_id", PG + "sales.payments", "payment_id")],
    "columns": """
refund_id | uuid | Our id. | key
order_id | bigint | The order.
order_line_id | bigint | The line; null for goodwill on the whole order. | null
payment_id | uuid | The payment that is (partly) taken back.
reason | varchar(32) | changed_mind, damaged, wrong_item, late, lost, goodwill.
amount | numeric(12,2) | What the customer gets. | term=refund
quantity | int | Pieces that came back. | null
refunded_at | timestamptz | When the provider confirmed.
agent | varchar(64) | Who decided; `auto` for rules. | null
""",
}

TABLES[PG + "catalog.products"] = {
    "text": "Products as the merchandising team describes them. A product is a design (the Aalto table lamp); what is sold is a variant of it.",
    "owners": ["merchandising:business", "shop-backend:technical"],
    "domain": "merchandising",
    "tags": ["tier-2"],
    "columns": """
product_id | bigint | Key. | key
name | varchar(120) | Name in the shop, in English.
slug | varchar(140) | Last part of the product page's address.
category_id | bigint | Place in the category tree.
supplier_id | bigint | Who makes it.
description_html | text | Long description. | null
material | varchar(64) | Main material, free text. | null
care_instructions | text | Washing and cleaning. | null
launched_on | date | First day in the shop. | null
discontinued_on | date | Last day of sale. | null
is_own_brand | bool | Designed by us.
updated_at | timestamptz | Last change.
""",
}

TABLES[PG + "catalog.product_variants"] = {
    "text": "What is on the shelf: a product in one colour and size, with its SKU and barcode.",
    "owners": ["merchandising:business", "shop-backend:technical"],
    "domain": "merchandising",
    "foreign_keys": [("product_id", PG + "catalog.products", "product_id")],
    "columns": """
variant_id | bigint | Key. | key
product_id | bigint | The design.
sku | varchar(24) | Stock keeping unit, printed on the label. | term=sku
ean | char(13) | Barcode. | null
colour | varchar(32) | Colour name in the shop. | null
size | varchar(16) | Size or dimensions. | null
weight_grams | int | Shipping weight. | null
cost_price | numeric(12,4) | Landed cost of a piece in EUR. Confidential. | null tag=restricted
is_active | bool | Can be bought now.
""",
}

TABLES[PG + "catalog.categories"] = {
    "text": "The category tree of the shop: Lighting > Table lamps. Kept by merchandising, changed about twice a year.",
    "owners": ["merchandising:business"],
    "domain": "merchandising",
    "columns": """
category_id | bigint | Key. | key
parent_id | bigint | Null at the top. | null
name | varchar(64) | Name in the menu.
path | varchar(200) | Names from the top, joined by ` > `.
sort_order | int | Place in the menu.
""",
}

TABLES[PG + "catalog.prices"] = {
    "text": "Every price that ever applied, with the time for which it did. At any moment there is one open row for each variant and currency.",
    "owners": ["merchandising:business"],
    "domain": "merchandising",
    "foreign_keys": [("variant_id", PG + "catalog.product_variants", "variant_id")],
    "columns": """
price_id | bigint | Key. | key
variant_id | bigint | For what.
currency | char(3) | ISO 4217.
amount | numeric(12,2) | Shelf price, tax included.
kind | varchar(16) | regular, promotion or clearance.
valid_from | timestamptz | Inclusive.
valid_to | timestamptz | Exclusive; null while it applies. | null
""",
}

TABLES[PG + "catalog.suppliers"] = {
    "text": "Workshops and factories that we buy from, with the terms agreed.",
    "owners": ["supply-chain:business"],
    "domain": "supply-chain",
    "columns": """
supplier_id | bigint | Key. | key
name | varchar(120) | Trading name.
country | char(2) | ISO 3166.
contact_name | varchar(120) | Person we talk to. | null tag=pii
contact_email | varchar(160) | Their address. | null tag=pii term=personal-data
lead_time_days | int | Order to arrival, agreed.
minimum_order | int | Pieces. | null
audited_on | date | Last social audit. | null
""",
}

TABLES[PG + "crm.customers"] = {
    "text": "People with an account. Guests are not here. A row is emptied, not deleted, when somebody asks to be forgotten: the key stays so that old orders still add up.",
    "owners": ["crm:technical", "helene.brandt:steward"],
    "domain": "customer",
    "tags": ["tier-1", "pii", "gdpr-erasable"],
    "terms": ["customer"],
    "properties": {"retention": ["Until erasure"], "freshness": ["Real-time"], "escalation": ["helene.brandt@lanternandloom.example"]},
    "links": [("https://wiki.lanternandloom.example/privacy/erasure", "How an erasure request is carried out")],
    "columns": """
customer_id | bigint | Key. Survives an erasure. | key term=customer
email | varchar(160) | Login and address for receipts. Unique. | null tag=pii term=personal-data
first_name | varchar(80) | As entered. | null tag=pii term=personal-data
last_name | varchar(80) | As entered. | null tag=pii term=personal-data
phone | varchar(32) | For the carrier. | null tag=pii term=personal-data
birth_date | date | Given for the birthday voucher. | null tag=pii term=sensitive-personal-data
preferred_language | char(2) | ISO 639.
marketing_consent | bool | May we write without an order?
consent_changed_at | timestamptz | Proof for the regulator. | null
registered_at | timestamptz | First sign-up.
erased_at | timestamptz | Set when the row was emptied. | null
updated_at | timestamptz | Last change.
""",
}

TABLES[PG + "crm.addresses"] = {
    "text": "Delivery and invoice addresses. Kept as long as an order refers to them.",
    "owners": ["crm:technical"],
    "domain": "customer",
    "tags": ["pii", "gdpr-erasable"],
    "foreign_keys": [("customer_id", PG + "crm.customers", "customer_id")],
    "columns": """
address_id | bigint | Key. | key
customer_id | bigint | Whose; null for guests. | null
recipient | varchar(160) | Name on the label. | tag=pii term=personal-data
street | varchar(160) | Street and number. | tag=pii term=personal-data
postal_code | varchar(16) | Postal code.
city | varchar(80) | City.
country | char(2) | ISO 3166.
is_default | bool | Preselected at checkout.
""",
}

TABLES[PG + "crm.loyalty_accounts"] = {
    "text": "The Hearth Club: points and tier of each member. Points expire 24 months after they were earned.",
    "owners": ["crm:technical", "ines.duarte:business"],
    "domain": "customer",
    "foreign_keys": [("customer_id", PG + "crm.customers", "customer_id")],
    "columns": """
customer_id | bigint | Member. | key
tier | varchar(12) | ember, flame or beacon.
points_balance | int | Points that can be spent today.
points_lifetime | int | Points ever earned.
joined_at | timestamptz | When the terms were accepted.
tier_until | date | Tier is kept until then.
""",
}

TABLES[PG + "logistics.shipments"] = {
    "text": "Parcels. An order can have several; a parcel belongs to one order.",
    "owners": ["supply-chain:technical"],
    "domain": "supply-chain",
    "tags": ["tier-2"],
    "foreign_keys": [("order_id", PG + "sales.orders", "order_id"), ("warehouse_id", PG + "logistics.warehouses", "warehouse_id")],
    "columns": """
shipment_id | bigint | Key. | key
order_id | bigint | The order.
warehouse_id | bigint | Packed where.
carrier | varchar(24) | dhl, dpd, postnord, own.
tracking_number | varchar(40) | The carrier's. | null
shipped_at | timestamptz | Left the dock. | null
promised_on | date | Shown to the customer at checkout.
delivered_at | timestamptz | First successful delivery scan. | null
cost_amount | numeric(12,2) | What the carrier charges, EUR. | null
""",
}

TABLES[PG + "logistics.stock_levels"] = {
    "text": "Stock of each variant in each warehouse, now. History is in the `stock.moved` topic and in `fct_stock_daily`.",
    "owners": ["supply-chain:technical", "bram.visser:business"],
    "domain": "supply-chain",
    "terms": ["stock-on-hand"],
    "foreign_keys": [("variant_id", PG + "catalog.product_variants", "variant_id"), ("warehouse_id", PG + "logistics.warehouses", "warehouse_id")],
    "columns": """
warehouse_id | bigint | Where. | key
variant_id | bigint | What. | key
on_hand | int | Pieces in the building. | term=stock-on-hand
reserved | int | Pieces promised to orders.
inbound | int | Pieces on the way.
reorder_point | int | Buy more below this. | null
counted_on | date | Last stock count. | null
updated_at | timestamptz | Last movement.
""",
}

TABLES[PG + "logistics.warehouses"] = {
    "text": "Buildings that goods leave from: two warehouses and the back rooms of nine stores.",
    "owners": ["supply-chain:technical"],
    "domain": "supply-chain",
    "columns": """
warehouse_id | bigint | Key. | key
code | varchar(8) | Three letters of the city.
name | varchar(80) | Name.
kind | varchar(12) | warehouse or store.
country | char(2) | ISO 3166.
opened_on | date | First day.
""",
}

# ---- kafka: what happens, as it happens

TABLES[KAFKA + "orders.placed.v2"] = {
    "text": "An order was confirmed. Published by the checkout service in the same transaction as the row in `sales.orders` (outbox), keyed by `order_id`, kept for 14 days.",
    "owners": ["shop-backend:technical"],
    "domain": "sales",
    "tags": ["tier-1"],
    "terms": ["order"],
    "custom": {"partitions": "24", "retention.ms": "1209600000", "cleanup.policy": "delete"},
    "upstreams": [PG + "sales.orders", PG + "sales.order_lines"],
    "column_lineage": same(PG + "sales.orders", "order_id customer_id channel placed_at currency total_amount"),
    "columns": """
event_id | string | Unique; consumers drop repeats by it. | key
order_id | long | The order.
customer_id | long | Buyer. | null
channel | enum | WEB, APP, STORE, PHONE.
placed_at | timestamp-millis | When.
currency | string | ISO 4217.
total_amount | string | Decimal as text.
lines | array | Variant, quantity and unit price of each line.
trace_id | string | For debugging. | null
""",
}
TABLES[KAFKA + "payments.settled.v1"] = {
    "text": "A payment was captured, refunded or charged back. Relayed from the providers' webhooks after signature check.",
    "owners": ["payments:technical"],
    "domain": "finance",
    "tags": ["restricted"],
    "custom": {"partitions": "12", "retention.ms": "1209600000", "cleanup.policy": "delete"},
    "upstreams": [PG + "sales.payments"],
    "column_lineage": same(PG + "sales.payments", "payment_id order_id provider amount currency"),
    "columns": """
event_id | string | Unique. | key
payment_id | string | Ours.
order_id | long | The order.
provider | string | Who moved the money.
kind | enum | CAPTURED, REFUNDED, CHARGED_BACK.
amount | string | Decimal as text.
currency | string | ISO 4217.
occurred_at | timestamp-millis | The provider's time.
""",
}
TABLES[KAFKA + "shipments.tracking.v1"] = {
    "text": "Carrier scans, normalised: the four carriers' status codes are mapped to eight of our own. Late scans arrive out of order; sort by `scanned_at`.",
    "owners": ["supply-chain:technical"],
    "domain": "supply-chain",
    "custom": {"partitions": "12", "retention.ms": "604800000", "cleanup.policy": "delete"},
    "upstreams": [PG + "logistics.shipments"],
    "column_lineage": same(PG + "logistics.shipments", "shipment_id carrier tracking_number"),
    "columns": """
event_id | string | Unique. | key
shipment_id | long | The parcel.
carrier | string | Who carries it.
tracking_number | string | The carrier's number.
status | enum | LABELLED, COLLECTED, IN_TRANSIT, OUT_FOR_DELIVERY, DELIVERED, ATTEMPTED, RETURNING, LOST.
scanned_at | timestamp-millis | Time of the scan.
location | string | Depot, free text. | null
""",
}
TABLES[KAFKA + "stock.moved.v1"] = {
    "text": "Every movement of stock: goods in, picked, transferred, counted, written off. The sum of `delta` is the stock on hand.",
    "owners": ["supply-chain:technical"],
    "domain": "supply-chain",
    "terms": ["stock-on-hand"],
    "custom": {"partitions": "24", "retention.ms": "-1", "cleanup.policy": "delete"},
    "upstreams": [PG + "logistics.stock_levels"],
    "column_lineage": same(PG + "logistics.stock_levels", "warehouse_id variant_id"),
    "columns": """
event_id | string | Unique. | key
warehouse_id | long | Where.
variant_id | long | What.
delta | int | Pieces; negative when they leave.
reason | enum | RECEIVED, PICKED, TRANSFERRED, COUNTED, WRITTEN_OFF, RETURNED.
moved_at | timestamp-millis | When.
""",
}
TABLES[KAFKA + "web.clickstream.v3"] = {
    "text": "Page views and clicks of the web shop and the app, after consent. About 400 events a second on a normal evening, 3,000 on the first day of a sale. Nobody who refused analytics cookies is in it.",
    "owners": ["web-analytics:technical", "ines.duarte:business"],
    "domain": "marketing",
    "tags": ["pii", "high-volume"],
    "custom": {"partitions": "48", "retention.ms": "259200000", "cleanup.policy": "delete"},
    "columns": """
event_id | string | Unique. | key
anonymous_id | string | Cookie's id, changed every 13 months. | tag=pii
customer_id | long | Known after signing in. | null tag=pii
session_id | string | Ends after 30 minutes without an event.
event_name | string | page_view, product_view, add_to_cart, search, ...
page_url | string | Without the query string.
referrer | string | Where from. | null
utm_campaign | string | Campaign in the link. | null
search_term | string | What was searched in the shop. | null
variant_id | long | For product events. | null
device | enum | DESKTOP, MOBILE, TABLET, APP.
occurred_at | timestamp-millis | Browser's time, corrected.
""",
}
TABLES[KAFKA + "customers.changed.v1"] = {
    "text": "An account was created, changed or erased. Compacted by `customer_id`; an erasure is a tombstone, and every consumer must honour it within 30 days.",
    "owners": ["crm:technical"],
    "domain": "customer",
    "tags": ["pii", "gdpr-erasable"],
    "terms": ["customer"],
    "custom": {"partitions": "12", "cleanup.policy": "compact"},
    "upstreams": [PG + "crm.customers"],
    "column_lineage": same(PG + "crm.customers", "customer_id email marketing_consent updated_at"),
    "columns": """
customer_id | long | Key of the message. | key
email | string | Login. | null tag=pii term=personal-data
marketing_consent | boolean | May we write?
country | string | Of the default address. | null
updated_at | timestamp-millis | When.
""",
}
TABLES[KAFKA + "carts.abandoned.v1"] = {
    "text": "A basket was left for an hour. Feeds the reminder mail. Experimental: fields may change without a new version.",
    "owners": ["web-analytics:technical"],
    "domain": "marketing",
    "tags": ["experimental"],
    "custom": {"partitions": "6", "retention.ms": "604800000", "cleanup.policy": "delete"},
    "upstreams": [KAFKA + "web.clickstream.v3"],
    "columns": """
event_id | string | Unique. | key
session_id | string | The visit.
customer_id | long | Known after signing in. | null tag=pii
variant_ids | array | What was left.
basket_amount | string | Decimal as text.
abandoned_at | timestamp-millis | An hour after the last click.
""",
}

# ---- dbt: the models; each has a sibling in snowflake

MODELS = {
    "staging.stg_orders": {
        "text": "Orders, cleaned: test orders of the shop team are out, amounts are in EUR at the rate of the day, times are UTC.",
        "owners": ["data-platform:technical"],
        "domain": "sales",
        "tags": ["hourly"],
        "upstreams": [PG + "sales.orders"],
        "column_lineage": same(PG + "sales.orders", "order_id customer_id channel store_code status placed_at")
        + [
            ("gross_amount_eur", [PG + "sales.orders#total_amount", PG + "sales.orders#currency"], "CONVERT"),
            ("discount_amount_eur", [PG + "sales.orders#discount_amount", PG + "sales.orders#currency"], "CONVERT"),
            ("tax_amount_eur", [PG + "sales.orders#tax_amount", PG + "sales.orders#currency"], "CONVERT"),
        ],
        "view": "select order_id, customer_id, channel, store_code, status, placed_at,\n  total_amount * fx.rate as gross_amount_eur,\n  discount_amount * fx.rate as discount_amount_eur,\n  tax_amount * fx.rate as tax_amount_eur\nfrom {{ source('shop', 'orders') }} o\njoin {{ ref('fx_rates') }} fx on fx.currency = o.currency and fx.day = o.placed_at::date\nwhere created_by <> 'checkout-e2e'",
        "columns": """
order_id | NUMBER(38,0) | Key. | key term=order
customer_id | NUMBER(38,0) | Buyer. | null
channel | VARCHAR | web, app, store or phone.
store_code | VARCHAR | Till's store. | null
status | VARCHAR | As in the shop.
placed_at | TIMESTAMP_NTZ | UTC.
gross_amount_eur | NUMBER(14,2) | Total in EUR. | term=gross-revenue
discount_amount_eur | NUMBER(14,2) | Discount in EUR.
tax_amount_eur | NUMBER(14,2) | VAT in EUR.
""",
    },
    "staging.stg_order_lines": {
        "text": "Order lines, cleaned and in EUR.",
        "owners": ["data-platform:technical"],
        "domain": "sales",
        "tags": ["hourly"],
        "upstreams": [PG + "sales.order_lines", PG + "sales.orders"],
        "column_lineage": same(PG + "sales.order_lines", "order_line_id order_id variant_id quantity")
        + [("line_total_eur", [PG + "sales.order_lines#line_total", PG + "sales.orders#currency"], "CONVERT")],
        "view": "select l.order_line_id, l.order_id, l.variant_id, l.quantity,\n  l.line_total * fx.rate as line_total_eur\nfrom {{ source('shop', 'order_lines') }} l\njoin {{ ref('stg_orders') }} o using (order_id)\njoin {{ ref('fx_rates') }} fx on fx.currency = o.currency and fx.day = o.placed_at::date",
        "columns": """
order_line_id | NUMBER(38,0) | Key. | key
order_id | NUMBER(38,0) | The order.
variant_id | NUMBER(38,0) | What was bought.
quantity | NUMBER(9,0) | Pieces.
line_total_eur | NUMBER(14,2) | After discount, EUR. | term=gross-revenue
""",
    },
    "staging.stg_customers": {
        "text": "Customers without anything that names them: the mail address is hashed with the pepper of the privacy team, names are dropped, the birth date is cut to the year.",
        "owners": ["data-platform:technical", "helene.brandt:steward"],
        "domain": "customer",
        "tags": ["hourly", "gdpr-erasable"],
        "upstreams": [PG + "crm.customers", PG + "crm.loyalty_accounts", KAFKA + "customers.changed.v1"],
        "column_lineage": same(PG + "crm.customers", "customer_id preferred_language marketing_consent registered_at")
        + [
            ("email_hash", [PG + "crm.customers#email"], "HASH"),
            ("birth_year", [PG + "crm.customers#birth_date"], "TRUNCATE"),
            ("loyalty_tier", [PG + "crm.loyalty_accounts#tier"]),
        ],
        "view": "select c.customer_id, sha2(c.email || {{ env_var('PEPPER') }}) as email_hash,\n  year(c.birth_date) as birth_year, c.preferred_language, c.marketing_consent,\n  c.registered_at, coalesce(l.tier, 'none') as loyalty_tier\nfrom {{ source('shop', 'customers') }} c\nleft join {{ source('shop', 'loyalty_accounts') }} l using (customer_id)\nwhere c.erased_at is null",
        "columns": """
customer_id | NUMBER(38,0) | Key. | key term=customer
email_hash | VARCHAR(64) | For matching with the mail provider. | null
birth_year | NUMBER(4,0) | Year only. | null
preferred_language | VARCHAR(2) | ISO 639.
marketing_consent | BOOLEAN | May we write?
registered_at | TIMESTAMP_NTZ | First sign-up.
loyalty_tier | VARCHAR | none, ember, flame or beacon.
""",
    },
    "staging.stg_products": {
        "text": "Variants with their product, category path and cost, one row a SKU.",
        "owners": ["data-platform:technical"],
        "domain": "merchandising",
        "tags": ["daily"],
        "upstreams": [PG + "catalog.products", PG + "catalog.product_variants", PG + "catalog.categories"],
        "column_lineage": same(PG + "catalog.product_variants", "variant_id sku colour size cost_price")
        + [("product_name", [PG + "catalog.products#name"]), ("category_path", [PG + "catalog.categories#path"])],
        "view": "select v.variant_id, v.sku, p.name as product_name, c.path as category_path,\n  v.colour, v.size, v.cost_price\nfrom {{ source('shop', 'product_variants') }} v\njoin {{ source('shop', 'products') }} p using (product_id)\njoin {{ source('shop', 'categories') }} c using (category_id)",
        "columns": """
variant_id | NUMBER(38,0) | Key. | key
sku | VARCHAR | Stock keeping unit. | term=sku
product_name | VARCHAR | Name of the design.
category_path | VARCHAR | Lighting > Table lamps.
colour | VARCHAR | Colour. | null
size | VARCHAR | Size. | null
cost_price | NUMBER(14,4) | Landed cost, EUR. | null tag=restricted
""",
    },
    "staging.stg_payments": {
        "text": "Captured payments and refunds in EUR, joined with the provider's settlement events.",
        "owners": ["data-platform:technical"],
        "domain": "finance",
        "tags": ["hourly", "restricted"],
        "upstreams": [PG + "sales.payments", PG + "sales.refunds", KAFKA + "payments.settled.v1"],
        "column_lineage": same(PG + "sales.payments", "payment_id order_id provider method")
        + [
            ("captured_amount_eur", [PG + "sales.payments#amount", KAFKA + "payments.settled.v1#amount"], "CONVERT"),
            ("refunded_amount_eur", [PG + "sales.refunds#amount"], "SUM"),
            ("fee_amount_eur", [PG + "sales.payments#fee_amount"], "CONVERT"),
        ],
        "columns": """
payment_id | VARCHAR | Key. | key
order_id | NUMBER(38,0) | The order.
provider | VARCHAR | Who moved the money.
method | VARCHAR | card, invoice, wallet, giftcard.
captured_amount_eur | NUMBER(14,2) | What arrived.
refunded_amount_eur | NUMBER(14,2) | What went back. | term=refund
fee_amount_eur | NUMBER(14,4) | What the provider kept. | null
""",
    },
    "marts.fct_orders": {
        "text": "**The** order table for analysis: one row for each paid order, with revenue, refunds and margin. Orders that were cancelled before payment are not in it. Finance and the board's figures come from here.",
        "owners": ["analytics:technical", "greta.olsen:business"],
        "domain": "sales",
        "tags": ["certified", "tier-1", "hourly"],
        "terms": ["order", "net-revenue"],
        "properties": {"retention": ["7 years"], "freshness": ["Hourly"], "qualityScore": [97], "escalation": ["tomas.weber@lanternandloom.example"]},
        "links": [("https://wiki.lanternandloom.example/data/fct-orders", "How revenue is computed, with worked examples"), ("https://wiki.lanternandloom.example/data/metrics", "Metric definitions")],
        "upstreams": [DBT + "staging.stg_orders", DBT + "staging.stg_order_lines", DBT + "staging.stg_payments"],
        "column_lineage": same(DBT + "staging.stg_orders", "order_id customer_id channel store_code placed_at")
        + [
            ("gross_revenue_eur", [DBT + "staging.stg_orders#gross_amount_eur"]),
            ("refund_amount_eur", [DBT + "staging.stg_payments#refunded_amount_eur"], "SUM"),
            ("net_revenue_eur", [DBT + "staging.stg_orders#gross_amount_eur", DBT + "staging.stg_orders#tax_amount_eur", DBT + "staging.stg_payments#refunded_amount_eur"], "SUBTRACT"),
            ("payment_fee_eur", [DBT + "staging.stg_payments#fee_amount_eur"], "SUM"),
            ("item_count", [DBT + "staging.stg_order_lines#quantity"], "SUM"),
        ],
        "view": "select o.order_id, o.customer_id, o.channel, o.store_code, o.placed_at,\n  o.gross_amount_eur as gross_revenue_eur,\n  coalesce(sum(p.refunded_amount_eur), 0) as refund_amount_eur,\n  o.gross_amount_eur - o.tax_amount_eur - coalesce(sum(p.refunded_amount_eur), 0) as net_revenue_eur,\n  sum(p.fee_amount_eur) as payment_fee_eur,\n  sum(l.quantity) as item_count\nfrom {{ ref('stg_orders') }} o\njoin {{ ref('stg_payments') }} p using (order_id)\njoin {{ ref('stg_order_lines') }} l using (order_id)\nwhere o.status <> 'cancelled'\ngroup by all",
        "columns": """
order_id | NUMBER(38,0) | Key. | key term=order
customer_id | NUMBER(38,0) | Buyer; null for guests. | null
channel | VARCHAR | web, app, store or phone.
store_code | VARCHAR | Till's store. | null
placed_at | TIMESTAMP_NTZ | UTC.
gross_revenue_eur | NUMBER(14,2) | What the customer paid, tax and shipping included. | term=gross-revenue
refund_amount_eur | NUMBER(14,2) | Given back until now. Changes for weeks after the order. | term=refund
net_revenue_eur | NUMBER(14,2) | Gross revenue less tax and refunds. | term=net-revenue
payment_fee_eur | NUMBER(14,4) | What the providers kept. | null
item_count | NUMBER(9,0) | Pieces.
is_first_order | BOOLEAN | First paid order of this customer.
""",
    },
    "marts.dim_customer": {
        "text": "One row a customer, with country, tier and the dates of the first and the last order. Holds no name and no address.",
        "owners": ["analytics:technical", "helene.brandt:steward"],
        "domain": "customer",
        "tags": ["certified", "daily", "gdpr-erasable"],
        "terms": ["customer", "active-customer"],
        "upstreams": [DBT + "staging.stg_customers", DBT + "staging.stg_orders"],
        "column_lineage": same(DBT + "staging.stg_customers", "customer_id birth_year preferred_language marketing_consent registered_at loyalty_tier")
        + [
            ("first_order_at", [DBT + "staging.stg_orders#placed_at"], "MIN"),
            ("last_order_at", [DBT + "staging.stg_orders#placed_at"], "MAX"),
            ("is_active", [DBT + "staging.stg_orders#placed_at"], "CASE"),
        ],
        "columns": """
customer_id | NUMBER(38,0) | Key. | key term=customer
birth_year | NUMBER(4,0) | Year only. | null
preferred_language | VARCHAR(2) | ISO 639.
marketing_consent | BOOLEAN | May we write?
registered_at | TIMESTAMP_NTZ | First sign-up.
loyalty_tier | VARCHAR | none, ember, flame or beacon.
first_order_at | TIMESTAMP_NTZ | Null before the first order. | null
last_order_at | TIMESTAMP_NTZ | Null before the first order. | null
is_active | BOOLEAN | Ordered within 365 days. | term=active-customer
""",
    },
    "marts.dim_product": {
        "text": "One row a SKU, with category and margin class.",
        "owners": ["analytics:technical", "merchandising:business"],
        "domain": "merchandising",
        "tags": ["certified", "daily"],
        "terms": ["sku"],
        "upstreams": [DBT + "staging.stg_products"],
        "column_lineage": same(DBT + "staging.stg_products", "variant_id sku product_name category_path colour size")
        + [("margin_class", [DBT + "staging.stg_products#cost_price"], "CASE")],
        "columns": """
variant_id | NUMBER(38,0) | Key. | key
sku | VARCHAR | Stock keeping unit. | term=sku
product_name | VARCHAR | Name of the design.
category_path | VARCHAR | Lighting > Table lamps.
colour | VARCHAR | Colour. | null
size | VARCHAR | Size. | null
margin_class | VARCHAR | A to D, by margin; the cost itself stays in staging.
""",
    },
}

for name, model in MODELS.items():
    TABLES[DBT + name] = {**model, "sibling": SF + name}
    plain = {key: model[key] for key in ("text", "owners", "domain", "tags", "terms", "columns", "properties") if key in model}
    names = [line.split("|")[0].strip() for line in model["columns"].strip().splitlines()]
    TABLES[SF + name] = {
        **plain,
        "sibling": DBT + name,
        "upstreams": [DBT + name],
        "column_lineage": [(column, [f"{DBT}{name}#{column}"]) for column in names],
        "custom": {"dbt_model": name.split(".")[1]},
    }

TABLES[SF + "marts.fct_orders"]["edited"] = (
    "One row for each **paid** order; the board's revenue figures come from here.\n\n"
    "Mind: `refund_amount_eur` keeps changing for about six weeks, so last month is never final. "
    "Use `revenue_daily` for totals by day, it is frozen after 45 days."
)
TABLES[SF + "marts.fct_orders"]["edited_fields"] = {
    "net_revenue_eur": {"text": "Gross revenue less tax and refunds. This is the figure that the board sees.", "tags": ["certified"]},
    "customer_id": {"terms": ["customer"]},
}

# ---- snowflake: what is built on the models

TABLES[SF + "marts.revenue_daily"] = {
    "text": "Revenue by day, channel and country. Rows older than 45 days are frozen, so that published figures stay what they were.",
    "owners": ["finance-analytics:technical", "greta.olsen:business"],
    "domain": "finance",
    "tags": ["certified", "tier-1", "daily"],
    "terms": ["gross-revenue", "net-revenue"],
    "properties": {"freshness": ["Daily"], "qualityScore": [99], "costCentre": ["CC-410 Finance"]},
    "upstreams": [SF + "marts.fct_orders", SF + "marts.dim_customer"],
    "column_lineage": [
        ("day", [SF + "marts.fct_orders#placed_at"], "TRUNCATE"),
        ("channel", [SF + "marts.fct_orders#channel"]),
        ("order_count", [SF + "marts.fct_orders#order_id"], "COUNT"),
        ("gross_revenue_eur", [SF + "marts.fct_orders#gross_revenue_eur"], "SUM"),
        ("net_revenue_eur", [SF + "marts.fct_orders#net_revenue_eur"], "SUM"),
        ("active_customers", [SF + "marts.dim_customer#customer_id", SF + "marts.dim_customer#is_active"], "COUNT"),
    ],
    "columns": """
day | DATE | Day in Europe/Berlin. | key
channel | VARCHAR | web, app, store or phone. | key
country | VARCHAR(2) | Of delivery; of the store for tills. | key
order_count | NUMBER(9,0) | Paid orders.
gross_revenue_eur | NUMBER(16,2) | Sum, EUR. | term=gross-revenue
net_revenue_eur | NUMBER(16,2) | Sum, EUR. | term=net-revenue
average_order_value_eur | NUMBER(14,2) | Gross revenue by order. | term=average-order-value
active_customers | NUMBER(9,0) | Customers with an order within 365 days before that day.
is_frozen | BOOLEAN | Older than 45 days.
""",
}
TABLES[SF + "marts.fct_order_lines"] = {
    "text": "One row for each line of a paid order, with product and margin. The largest table of the mart: 61 million rows, clustered by month.",
    "owners": ["analytics:technical"],
    "domain": "sales",
    "tags": ["daily", "high-volume"],
    "terms": ["order-line"],
    "upstreams": [SF + "staging.stg_order_lines", SF + "marts.fct_orders", SF + "marts.dim_product"],
    "column_lineage": same(SF + "staging.stg_order_lines", "order_line_id order_id variant_id quantity")
    + [
        ("line_revenue_eur", [SF + "staging.stg_order_lines#line_total_eur"]),
        ("sku", [SF + "marts.dim_product#sku"]),
        ("category_path", [SF + "marts.dim_product#category_path"]),
        ("placed_at", [SF + "marts.fct_orders#placed_at"]),
    ],
    "columns": """
order_line_id | NUMBER(38,0) | Key. | key
order_id | NUMBER(38,0) | The order.
variant_id | NUMBER(38,0) | What was bought.
sku | VARCHAR | Stock keeping unit. | term=sku
category_path | VARCHAR | Category when it was bought.
placed_at | TIMESTAMP_NTZ | UTC.
quantity | NUMBER(9,0) | Pieces.
line_revenue_eur | NUMBER(14,2) | After discount. | term=gross-revenue
margin_eur | NUMBER(14,2) | Revenue less cost and fees. | null tag=restricted
""",
}
TABLES[SF + "marts.fct_returns"] = {
    "text": "Returned pieces with the reason. Feeds the supplier scorecard.",
    "owners": ["analytics:technical"],
    "domain": "supply-chain",
    "tags": ["daily"],
    "terms": ["return-rate"],
    "upstreams": [PG + "sales.refunds", SF + "marts.fct_order_lines"],
    "column_lineage": same(PG + "sales.refunds", "refund_id order_line_id reason quantity refunded_at")
    + [("sku", [SF + "marts.fct_order_lines#sku"]), ("refund_amount_eur", [PG + "sales.refunds#amount"], "CONVERT")],
    "columns": """
refund_id | VARCHAR | Key. | key
order_line_id | NUMBER(38,0) | The line. | null
sku | VARCHAR | What came back. | null term=sku
reason | VARCHAR | changed_mind, damaged, wrong_item, late, lost, goodwill.
quantity | NUMBER(9,0) | Pieces. | null
refund_amount_eur | NUMBER(14,2) | Given back. | term=refund
refunded_at | TIMESTAMP_NTZ | UTC.
""",
}
TABLES[SF + "marts.fct_stock_daily"] = {
    "text": "Stock of each SKU at the end of each day, rebuilt from movements, and the days that it lasts at the present rate of sale.",
    "owners": ["supply-chain:technical", "bram.visser:business"],
    "domain": "supply-chain",
    "tags": ["daily", "tier-2"],
    "terms": ["stock-on-hand", "stock-cover"],
    "upstreams": [KAFKA + "stock.moved.v1", PG + "logistics.stock_levels", SF + "marts.fct_order_lines"],
    "column_lineage": [
        ("variant_id", [KAFKA + "stock.moved.v1#variant_id"]),
        ("on_hand", [KAFKA + "stock.moved.v1#delta"], "SUM"),
        ("reserved", [PG + "logistics.stock_levels#reserved"]),
        ("cover_days", [KAFKA + "stock.moved.v1#delta", SF + "marts.fct_order_lines#quantity"], "DIVIDE"),
    ],
    "columns": """
day | DATE | End of this day. | key
variant_id | NUMBER(38,0) | What. | key
warehouse_code | VARCHAR | Where. | key
on_hand | NUMBER(9,0) | Pieces. | term=stock-on-hand
reserved | NUMBER(9,0) | Promised to orders.
cover_days | NUMBER(6,1) | On hand by the average sale of 28 days. | null term=stock-cover
""",
}
TABLES[SF + "marts.delivery_performance"] = {
    "text": "Promised against delivered, for each parcel. Late means after the promised day, weekends count.",
    "owners": ["supply-chain:technical"],
    "domain": "supply-chain",
    "tags": ["daily"],
    "upstreams": [PG + "logistics.shipments", KAFKA + "shipments.tracking.v1"],
    "column_lineage": same(PG + "logistics.shipments", "shipment_id carrier promised_on")
    + [
        ("delivered_at", [KAFKA + "shipments.tracking.v1#scanned_at", KAFKA + "shipments.tracking.v1#status"], "MIN"),
        ("days_late", [PG + "logistics.shipments#promised_on", KAFKA + "shipments.tracking.v1#scanned_at"], "SUBTRACT"),
    ],
    "columns": """
shipment_id | NUMBER(38,0) | Key. | key
carrier | VARCHAR | Who carried it.
promised_on | DATE | Shown at checkout.
delivered_at | TIMESTAMP_NTZ | First delivery scan. | null
days_late | NUMBER(5,0) | Negative when early. | null
""",
}
TABLES[SF + "marketing.campaign_attribution"] = {
    "text": "Which campaign gets the credit for an order: last non-direct click within 30 days. The multi-touch model is an experiment and lives elsewhere.",
    "owners": ["web-analytics:technical", "ines.duarte:business"],
    "domain": "marketing",
    "tags": ["daily"],
    "upstreams": [KAFKA + "web.clickstream.v3", SF + "marts.fct_orders"],
    "column_lineage": [
        ("order_id", [SF + "marts.fct_orders#order_id"]),
        ("campaign", [KAFKA + "web.clickstream.v3#utm_campaign"], "LAST_VALUE"),
        ("attributed_revenue_eur", [SF + "marts.fct_orders#net_revenue_eur"]),
    ],
    "columns": """
order_id | NUMBER(38,0) | Key. | key
campaign | VARCHAR | Campaign; `direct` without one.
medium | VARCHAR | mail, search, social, affiliate.
touched_at | TIMESTAMP_NTZ | The click. | null
attributed_revenue_eur | NUMBER(14,2) | Net revenue of the order. | term=net-revenue
""",
}
TABLES[SF + "marketing.web_sessions"] = {
    "text": "One row a visit of the web shop or the app, built from the clickstream every hour.",
    "owners": ["web-analytics:technical"],
    "domain": "marketing",
    "tags": ["hourly", "pii"],
    "upstreams": [KAFKA + "web.clickstream.v3"],
    "column_lineage": same(KAFKA + "web.clickstream.v3", "session_id anonymous_id customer_id device")
    + [("started_at", [KAFKA + "web.clickstream.v3#occurred_at"], "MIN"), ("page_views", [KAFKA + "web.clickstream.v3#event_name"], "COUNT")],
    "columns": """
session_id | VARCHAR | Key. | key
anonymous_id | VARCHAR | Cookie's id. | tag=pii
customer_id | NUMBER(38,0) | Known after signing in. | null
device | VARCHAR | desktop, mobile, tablet, app.
started_at | TIMESTAMP_NTZ | First event.
page_views | NUMBER(9,0) | Count.
has_order | BOOLEAN | Ended with an order.
""",
}
TABLES[SF + "marketing.product_searches"] = {
    "text": "What people search in the shop and whether they found it. Terms typed by fewer than five visitors are left out.",
    "owners": ["web-analytics:technical"],
    "domain": "marketing",
    "tags": ["daily"],
    "upstreams": [KAFKA + "web.clickstream.v3"],
    "column_lineage": [("term", [KAFKA + "web.clickstream.v3#search_term"]), ("searches", [KAFKA + "web.clickstream.v3#event_id"], "COUNT")],
    "columns": """
day | DATE | Day. | key
term | VARCHAR | Lower case, trimmed. | key
searches | NUMBER(9,0) | How often.
without_result | NUMBER(9,0) | How often nothing was found.
click_rate | NUMBER(5,4) | Share with a click on a result.
""",
}
TABLES[SF + "finance.daily_settlement"] = {
    "text": "What the payment providers owe us and what they paid out, by day. Compared with the bank statement every morning; a difference above 50 EUR opens an incident.",
    "owners": ["finance-analytics:technical", "greta.olsen:business"],
    "domain": "finance",
    "tags": ["tier-1", "restricted", "daily"],
    "terms": ["refund"],
    "upstreams": [SF + "staging.stg_payments"],
    "column_lineage": [
        ("provider", [SF + "staging.stg_payments#provider"]),
        ("captured_eur", [SF + "staging.stg_payments#captured_amount_eur"], "SUM"),
        ("refunded_eur", [SF + "staging.stg_payments#refunded_amount_eur"], "SUM"),
        ("fees_eur", [SF + "staging.stg_payments#fee_amount_eur"], "SUM"),
    ],
    "columns": """
day | DATE | Settlement day. | key
provider | VARCHAR | Who moved the money. | key
captured_eur | NUMBER(16,2) | In.
refunded_eur | NUMBER(16,2) | Out. | term=refund
fees_eur | NUMBER(16,2) | Kept.
paid_out_eur | NUMBER(16,2) | On our account. | null
difference_eur | NUMBER(16,2) | Should be 0. | null
""",
}
TABLES[SF + "marts.legacy_sales_summary"] = {
    "text": "Sales by month as the old reporting tool computed them. Refunds are not in it. Kept because the annual report of 2022 refers to it.",
    "owners": ["finance-analytics:technical"],
    "domain": "finance",
    "deprecated": ("Refunds are missing and nothing refreshes it since the old tool was switched off. Use revenue_daily.", SF + "marts.revenue_daily"),
    "upstreams": [PG + "sales.orders"],
    "column_lineage": [("month", [PG + "sales.orders#placed_at"], "TRUNCATE"), ("sales_eur", [PG + "sales.orders#total_amount"], "SUM")],
    "columns": """
month | DATE | First day of the month. | key
store_code | VARCHAR | Store; WEB for the shop. | key
sales_eur | NUMBER(16,2) | Gross, EUR.
orders | NUMBER(9,0) | Count.
""",
}
TABLES[SF + "staging.tmp_orders_backfill"] = {
    "text": "Scratch table of the March backfill. Removed when it was done.",
    "removed": True,
    "owners": ["data-platform:technical"],
    "domain": "sales",
    "upstreams": [PG + "sales.orders"],
    "columns": """
order_id | NUMBER(38,0) | Key. | key
payload | VARIANT | The row as it was.
""",
}


def customer_360():
    """The wide one: a feature a column, for the customer models."""
    lines = [
        "customer_id | NUMBER(38,0) | Key. | key term=customer",
        "as_of | DATE | Everything is as of the end of this day. | key",
        "loyalty_tier | VARCHAR | none, ember, flame or beacon.",
        "preferred_language | VARCHAR(2) | ISO 639.",
        "age_band | VARCHAR | Ten-year band from the birth year. | null",
        "is_active | BOOLEAN | Ordered within 365 days. | term=active-customer",
        "days_since_last_order | NUMBER(6,0) | Null before the first order. | null",
        "days_since_first_order | NUMBER(6,0) | Null before the first order. | null",
    ]
    windows = [("30d", "30 days"), ("90d", "90 days"), ("365d", "365 days"), ("ever", "all time")]
    measures = [
        ("orders", "NUMBER(9,0)", "Paid orders, {}."),
        ("items", "NUMBER(9,0)", "Pieces bought, {}."),
        ("gross_revenue_eur", "NUMBER(14,2)", "Gross revenue, {}."),
        ("net_revenue_eur", "NUMBER(14,2)", "Net revenue, {}."),
        ("discount_eur", "NUMBER(14,2)", "Discounts used, {}."),
        ("refund_eur", "NUMBER(14,2)", "Refunds, {}."),
        ("returns", "NUMBER(9,0)", "Pieces sent back, {}."),
        ("average_order_value_eur", "NUMBER(14,2)", "Gross revenue by order, {}."),
    ]
    for name, native, text in measures:
        lines += [f"{name}_{short} | {native} | {text.format(long)} | null" for short, long in windows]
    for channel in ("web", "app", "store", "phone"):
        for short, long in windows[:3]:
            lines.append(f"orders_{channel}_{short} | NUMBER(9,0) | Paid orders by {channel}, {long}. | null")
    categories = ["lighting", "textiles", "kitchen", "furniture", "garden", "decoration", "bathroom", "storage", "office", "kids", "outdoor"]
    for category in categories:
        for short, long in windows[1:3]:
            lines.append(f"revenue_{category}_{short} | NUMBER(14,2) | Gross revenue in {category}, {long}. | null")
        lines.append(f"views_{category}_30d | NUMBER(9,0) | Product pages of {category} seen, 30 days. | null")
        lines.append(f"affinity_{category} | FLOAT | Share of {category} in the revenue of 365 days, 0 to 1. | null")
    for kind, text in [("sent", "sent"), ("opened", "opened"), ("clicked", "with a click"), ("unsubscribed", "answered by unsubscribing")]:
        for short, long in windows[:3]:
            lines.append(f"mails_{kind}_{short} | NUMBER(9,0) | Marketing mails {text}, {long}. | null")
    lines += [
        "sessions_30d | NUMBER(9,0) | Visits, 30 days. | null",
        "carts_abandoned_30d | NUMBER(9,0) | Baskets left, 30 days. | null",
        "churn_probability | FLOAT | Model `churn-2`, 0 to 1. | null tag=experimental",
        "lifetime_value_eur | NUMBER(14,2) | Model `ltv-1`: expected net revenue of the next 24 months. | null tag=experimental",
        "model_run_id | VARCHAR | Which run wrote the scores. | null",
        "refreshed_at | TIMESTAMP_NTZ | When the row was written.",
    ]
    return "\n".join(lines)


TABLES[SF + "marts.customer_360"] = {
    "text": "Everything that we know about a customer's behaviour, one row a customer and day, one feature a column. Made for the churn and lifetime value models; for reports use `dim_customer` and `fct_orders`.",
    "owners": ["data-science:technical", "ines.duarte:business"],
    "domain": "customer",
    "tags": ["daily", "pii", "gdpr-erasable"],
    "terms": ["customer", "active-customer"],
    "properties": {"retention": ["2 years"], "freshness": ["Daily"], "qualityScore": [88]},
    "upstreams": [SF + "marts.dim_customer", SF + "marts.fct_orders", SF + "marts.fct_order_lines", SF + "marketing.web_sessions"],
    "column_lineage": same(SF + "marts.dim_customer", "customer_id loyalty_tier preferred_language is_active")
    + [
        ("orders_365d", [SF + "marts.fct_orders#order_id"], "COUNT"),
        ("net_revenue_eur_365d", [SF + "marts.fct_orders#net_revenue_eur"], "SUM"),
        ("gross_revenue_eur_365d", [SF + "marts.fct_orders#gross_revenue_eur"], "SUM"),
        ("revenue_lighting_365d", [SF + "marts.fct_order_lines#line_revenue_eur", SF + "marts.fct_order_lines#category_path"], "SUM"),
        ("sessions_30d", [SF + "marketing.web_sessions#session_id"], "COUNT"),
        ("days_since_last_order", [SF + "marts.dim_customer#last_order_at"], "SUBTRACT"),
    ],
    "columns": customer_360(),
}
