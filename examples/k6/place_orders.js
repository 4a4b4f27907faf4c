// Buyers who place and pay orders, for k6 (https://k6.io): k6 run examples/k6/place_orders.js
// Another server: k6 run -e ADDRESS=host:50051 ... ; with TLS and a key: -e TLS=1 -e KEY=consign_...
// It makes a product of its own and puts stock on a shelf for what it will sell.

import grpc from "k6/net/grpc";
import { check, fail } from "k6";
import exec from "k6/execution";

const ADDRESS = __ENV.ADDRESS || "127.0.0.1:50051";
const BUYERS = Number(__ENV.BUYERS || 8);
const SECONDS = Number(__ENV.SECONDS || 30);

const client = new grpc.Client();
// Paths are those of this file.
client.load(["../../proto"], "consign/v1/inventory.proto", "consign/v1/order.proto", "consign/v1/billing.proto");

export const options = {
  scenarios: { buyers: { executor: "constant-vus", vus: BUYERS, duration: `${SECONDS}s` } },
  thresholds: {
    checks: ["rate==1"],
    "grpc_req_duration{method:CreateOrder}": ["p(99)<500"],
  },
};

// A connection for each buyer, kept over its orders.
let connected = false;

function call(service, method, actor, request) {
  if (!connected) {
    client.connect(ADDRESS, { plaintext: !__ENV.TLS, timeout: "5s" });
    connected = true;
  }
  const metadata = __ENV.KEY ? { authorization: `Bearer ${__ENV.KEY}` } : { "consign-actor": actor };
  const answer = client.invoke(`consign.v1.${service}/${method}`, request, { metadata, tags: { method } });
  const taken = check(answer, { [`${method} is answered`]: (it) => it && it.status === grpc.StatusOK });
  if (!taken) {
    console.error(`${method}: ${answer.error ? answer.error.message : "no answer"}`);
  }
  return taken ? answer.message : null;
}

export function setup() {
  const run = `${Date.now()}`;
  const [sku, location] = [`MUG-${run}`, `BERLIN-${run}`];
  const unitPrice = { currencyCode: "EUR", units: 12, nanos: 500000000 };
  const made =
    call("InventoryService", "CreateProduct", "clerk", { product: { sku, name: "Coffee mug", unitPrice } }) &&
    call("InventoryService", "CreateStockLocation", "clerk", {
      stockLocation: { location, name: "Berlin", region: "EUROPE", country: "DE" },
    }) &&
    call("InventoryService", "ReceiveStock", "warehouse", { sku, location, quantity: 1000000 });
  if (!made) {
    fail("there is nothing to sell");
  }
  return { run, sku };
}

export default function ({ run, sku }) {
  // Each order is another buyer's: two alike within a short time are held as duplicates.
  const buyer = `${run}-${exec.vu.idInTest}-${exec.vu.iterationInScenario}`;
  const created = call("OrderService", "CreateOrder", "storefront", {
    order: {
      channel: "CHANNEL_ONLINE",
      customer: { name: "Ada Morris", email: `ada-${buyer}@example.com` },
      shippingAddress: { street: ["Invalidenstraße 117"], city: "Berlin", postalCode: "10115", country: "DE" },
      currency: "EUR",
      lines: [{ sku, quantity: 1 }],
    },
    requestId: `order-${buyer}`,
  });
  if (created === null) {
    return;
  }
  // The sandbox provider says yes to this token.
  call("BillingService", "CapturePayment", "storefront", {
    orderId: created.order.id,
    method: "PAYMENT_METHOD_CARD",
    token: "tok_success",
    requestId: `payment-${buyer}`,
  });
}
