"""Places an order, pays it, and prints its timeline: python place_order.py [ADDRESS]

It speaks to a server that is up, such as `cargo run -- serve`, and makes a product of its own each time.
"""

import sys
import uuid
from pathlib import Path

import grpc

# grpcio-tools compiles the API's description when it is imported, so that there is no code to generate first.
sys.path.insert(0, str(Path(__file__).parents[2] / "proto"))
common = grpc.protos("consign/v1/common.proto")
inventory, inventory_services = grpc.protos_and_services("consign/v1/inventory.proto")
orders, order_services = grpc.protos_and_services("consign/v1/order.proto")
billing, billing_services = grpc.protos_and_services("consign/v1/billing.proto")
money = grpc.protos("google/type/money.proto")


def by(actor):
    """The metadata that says who acts: the history names them."""
    return [("consign-actor", actor)]


def main(address):
    with grpc.insecure_channel(address) as channel:
        place_order(
            inventory_services.InventoryServiceStub(channel),
            order_services.OrderServiceStub(channel),
            billing_services.BillingServiceStub(channel),
        )


def place_order(inventory_service, order_service, billing_service):
    # A product with a name that no earlier run has used, ten of it on a shelf.
    run = uuid.uuid4().hex
    sku, location = f"MUG-{run}", f"BERLIN-{run}"
    price = money.Money(currency_code="EUR", units=12, nanos=500_000_000)
    product = inventory.Product(sku=sku, name="Coffee mug", unit_price=price)
    shelf = inventory.StockLocation(location=location, name="Berlin", region="EUROPE", country="DE")
    inventory_service.CreateProduct(inventory.CreateProductRequest(product=product), metadata=by("clerk"))
    inventory_service.CreateStockLocation(
        inventory.CreateStockLocationRequest(stock_location=shelf), metadata=by("clerk")
    )
    inventory_service.ReceiveStock(
        inventory.ReceiveStockRequest(sku=sku, location=location, quantity=10), metadata=by("warehouse")
    )

    # The request id makes the call safe to repeat: sent again, it answers with the same order.
    draft = orders.OrderDraft(
        channel=common.CHANNEL_ONLINE,
        customer=common.Customer(name="Ada Morris", email="ada@example.com"),
        shipping_address=common.Address(
            street=["Invalidenstraße 117"], city="Berlin", postal_code="10115", country="DE"
        ),
        currency="EUR",
        lines=[orders.OrderLineDraft(sku=sku, quantity=2)],
    )
    create = orders.CreateOrderRequest(order=draft, request_id=f"order-{run}")
    order = order_service.CreateOrder(create, metadata=by("storefront")).order
    print(f"order {order.number} waits for {order.waiting_for}")

    # The sandbox provider says yes to this token.
    capture = billing.CapturePaymentRequest(
        order_id=order.id,
        method=common.PAYMENT_METHOD_CARD,
        token="tok_success",
        request_id=f"payment-{run}",
    )
    billing_service.CapturePayment(capture, metadata=by("storefront"))

    ask = orders.GetOrderTimelineRequest(order_id=order.id)
    for step in order_service.GetOrderTimeline(ask, metadata=by("storefront")).timeline.steps:
        name, state = common.Step.Name(step.step), orders.StepState.Name(step.state)
        print(f"{step.step:2} {name.removeprefix('STEP_'):<20} {state.removeprefix('STEP_STATE_')}")


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051")
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
