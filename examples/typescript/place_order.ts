// Places an order, pays it, and prints its timeline:
//   npm install && npm run build && npm start -- [ADDRESS]
// It speaks to a server that is up, such as `cargo run -- serve`, and makes a product of its own each time.

import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";

// The API's description is read when the program starts, so that there is no code to generate first.
const description = process.env.CONSIGN_PROTO ?? fileURLToPath(new URL("../../../proto", import.meta.url));

const described = loader.loadSync(
  ["inventory", "order", "billing"].map((it) => `consign/v1/${it}.proto`),
  { includeDirs: [description], keepCase: true, longs: String, enums: String, defaults: true },
);

/** The parts of answers that this program looks at. */
interface Order {
  id: string;
  number: string;
  waiting_for: string;
}

interface StepLine {
  step: string;
  state: string;
}

/** One of the API's services, whose calls are promises. */
class Service {
  readonly #client: grpc.Client;
  readonly #methods: grpc.ServiceDefinition;

  constructor(name: string, address: string) {
    const service = described[`consign.v1.${name}`];
    if (service === undefined || "format" in service) throw new Error(`there is no service ${name}`);
    this.#methods = service;
    this.#client = new grpc.Client(address, grpc.credentials.createInsecure());
  }

  /** The metadata says who acts: the history names them. */
  call<Answer>(method: string, actor: string, request: object): Promise<Answer> {
    const called = this.#methods[method];
    if (called === undefined) throw new Error(`there is no method ${method}`);
    const metadata = new grpc.Metadata();
    metadata.set("consign-actor", actor);
    const options = { deadline: Date.now() + 30_000 };
    return new Promise((resolve, reject) => {
      const answered = (error: grpc.ServiceError | null, answer?: Answer) =>
        error !== null || answer === undefined ? reject(error) : resolve(answer);
      this.#client.makeUnaryRequest<object, Answer>(
        called.path,
        called.requestSerialize,
        called.responseDeserialize as (bytes: Buffer) => Answer,
        request,
        metadata,
        options,
        answered,
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}

async function placeOrder(inventory: Service, orders: Service, billing: Service): Promise<void> {
  // A product with a name that no earlier run has used, ten of it on a shelf.
  const run = randomUUID();
  const [sku, location] = [`MUG-${run}`, `BERLIN-${run}`];
  const unit_price = { currency_code: "EUR", units: 12, nanos: 500_000_000 };
  await inventory.call("CreateProduct", "clerk", { product: { sku, name: "Coffee mug", unit_price } });
  const stock_location = { location, name: "Berlin", region: "EUROPE", country: "DE" };
  await inventory.call("CreateStockLocation", "clerk", { stock_location });
  await inventory.call("ReceiveStock", "warehouse", { sku, location, quantity: 10 });

  // The request id makes the call safe to repeat: sent again, it answers with the same order.
  const draft = {
    channel: "CHANNEL_ONLINE",
    customer: { name: "Ada Morris", email: "ada@example.com" },
    shipping_address: { street: ["Invalidenstraße 117"], city: "Berlin", postal_code: "10115", country: "DE" },
    currency: "EUR",
    lines: [{ sku, quantity: 2 }],
  };
  const create = { order: draft, request_id: `order-${run}` };
  const { order } = await orders.call<{ order: Order }>("CreateOrder", "storefront", create);
  console.log(`order ${order.number} waits for ${order.waiting_for}`);

  // The sandbox provider says yes to this token.
  await billing.call("CapturePayment", "storefront", {
    order_id: order.id,
    method: "PAYMENT_METHOD_CARD",
    token: "tok_success",
    request_id: `payment-${run}`,
  });

  const asked = { order_id: order.id };
  const { timeline } = await orders.call<{ timeline: { steps: StepLine[] } }>("GetOrderTimeline", "storefront", asked);
  for (const [index, { step, state }] of timeline.steps.entries()) {
    const name = step.replace("STEP_", "").padEnd(20);
    console.log(`${String(index + 1).padStart(2)} ${name} ${state.replace("STEP_STATE_", "")}`);
  }
}

const address = process.argv[2] ?? "127.0.0.1:50051";
const services = ["InventoryService", "OrderService", "BillingService"].map((it) => new Service(it, address));
const [inventory, orders, billing] = services as [Service, Service, Service];
try {
  await placeOrder(inventory, orders, billing);
} catch (error) {
  const { code, details } = error as grpc.ServiceError;
  console.error(code === undefined ? error : `${grpc.status[code]}: ${details}`);
  process.exitCode = 1;
} finally {
  services.forEach((it) => it.close());
}
