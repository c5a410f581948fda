"""What Commerce Layer can tell a webhook: `orders.place`, `shipments.ship`, ...

The list is that of the official dashboard. There is none for the creation or change of SKUs,
prices, stock items, price lists and markets: these have to be polled.
"""

_EVENTS = {
    "addresses": "tagged",
    "authorizations": "create failed succeeded",
    "avalara_accounts": "invoice_committed invoice_refunded invoice_commit_failed"
    " invoice_refund_failed",
    "bundles": "tagged",
    "captures": "create failed succeeded",
    "cleanups": "create start complete interrupt destroy",
    "coupons": "tagged",
    "customer_addresses": "create destroy",
    "customer_password_resets": "create destroy reset_password",
    "customer_subscriptions": "create destroy",
    "customers": "create acquired repeat create_password metadata_update destroy tagged"
    " anonymization_started anonymization_completed anonymization_cancelled anonymization_failed",
    "exports": "create start complete interrupt destroy",
    "external_promotions": "create destroy failed tagged",
    "gift_cards": "create purchase activate deactivate use redeem destroy tagged",
    "imports": "create start complete interrupt destroy",
    "in_stock_subscriptions": "create activate deactivate notify destroy",
    "line_item_options": "tagged",
    "line_items": "tagged",
    "order_copies": "create start complete fail destroy",
    "order_subscriptions": "create activate deactivate cancel renewal last_run_succeeded"
    " last_run_failed destroy",
    "orders": "create draft pending placing place approve cancel authorize pay void refund"
    " start_fulfilling cancel_fulfilling fulfill rebuild_shipments start_editing stop_editing"
    " create_subscriptions cancel_subscriptions tax_calculation_failed tagged destroy",
    "parcels": "create destroy shipped booked pre_transit in_transit out_for_delivery delivered"
    " available_for_pickup return_to_sender failure cancelled",
    "price_frequency_tiers": "create destroy",
    "price_list_schedulers": "activated expired",
    "price_volume_tiers": "create destroy",
    "recurring_order_copies": "create start complete fail destroy",
    "refunds": "create succeeded failed",
    "returns": "create request pending approve reject ship receive restock destroy tagged",
    "shipments": "upcoming on_hold picking packing ready_to_ship ship deliver cancel tagged",
    "shipping_weight_tiers": "create destroy",
    "sku_options": "tagged",
    "skus": "tagged",
    "stock_transfers": "create upcoming on_hold picking in_transit complete cancel destroy",
    "transactions": "create refused",
    "voids": "create succeeded failed",
    **dict.fromkeys(
        (
            "promotions",
            "buy_x_pay_y_promotions",
            "fixed_amount_promotions",
            "fixed_price_promotions",
            "flex_promotions",
            "free_gift_promotions",
            "free_shipping_promotions",
            "percentage_discount_promotions",
        ),
        "create destroy tagged",
    ),
}

TOPICS = frozenset(
    f"{kind}.{event}" for kind, events in _EVENTS.items() for event in events.split()
)

# The only ones that an import does not mute.
HEARD_IN_IMPORTS = frozenset(
    f"orders.{event}"
    for event in "place approve cancel authorize void pay refund start_fulfilling"
    " cancel_fulfilling fulfill".split()
)
