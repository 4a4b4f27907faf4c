"""What the drills share: programs in a network and a process tree of their own, a load of orders, and what must hold.

Nothing here outlives its drill: it runs in namespaces that end with it, below one temporary folder. Needs Linux, root
and Debian 12. What is missing is installed: PostgreSQL as a package, etcd and HAProxy unpacked from theirs (the packages
would start servers), Patroni and gRPC from PyPI.
"""

import json
import mailbox
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
PROGRAMS = Path("/usr/lib/postgresql/15/bin")
PATRONI = ["patroni[etcd3]==4.1.5", "psycopg2-binary==2.9.13"]
UNPACKED = ["etcd-server", "haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"]
# A drill that takes longer has failed.
SECONDS_MAX = 360


class Failed(Exception):
    """What the drill was to show does not hold."""


def drill(inside, python=(), unpacked=(), programs=()):
    """Runs `inside(scratch)` in namespaces of its own; exit code 0 if it held, 1 if not, 2 if it could not be tried. With
    `programs`, the words of the usage, it is called with so many paths and runs `inside(scratch, *paths)`."""
    if sys.argv[1:2] == ["--inside"]:
        sys.exit(in_namespaces(lambda it: inside(it, *sys.argv[3:]), Path(sys.argv[2])))
    paths = [os.path.abspath(it) for it in sys.argv[1:]]
    if len(paths) != len(programs) or os.geteuid() != 0:
        usage = " ".join([sys.argv[0], *programs])
        print(f"usage, as root: {usage}\nCONSIGN names the program; else target/release/consign.", file=sys.stderr)
        sys.exit(2)
    for path in paths or [consign()]:
        if not os.access(path, os.X_OK):
            print(f"there is no {path}: build it, or name another", file=sys.stderr)
            sys.exit(2)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    scratch = Path(tempfile.mkdtemp(prefix="consign-drill."))
    scratch.chmod(0o755)
    try:
        install(scratch, python, unpacked)
        left = SECONDS_MAX - (time.monotonic() - began)
        command = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]
        # The shell is the first process, which takes leave of all that end without a parent.
        command += ["bash", "-c", '"$@"; exit $?', "drill", str(scratch / "python/bin/python"), "-B"]
        command += [os.path.abspath(sys.argv[0]), "--inside", str(scratch), *paths]
        ended = subprocess.run(command, timeout=left, check=False).returncode
    except subprocess.TimeoutExpired:
        print(f"FAILED: not done within {SECONDS_MAX} s")
        ended = 1
    except subprocess.CalledProcessError as error:
        print(f"could not be prepared: {error}\n{error.stdout}", file=sys.stderr)
        ended = 2
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"exit code {ended} after {time.monotonic() - began:.0f} s")
    sys.exit(ended)


def in_namespaces(inside, scratch):
    run("ip", "link", "set", "lo", "up")
    try:
        inside(scratch)
        return 0
    except Failed as error:
        print(f"FAILED: {error}")
        tails(scratch)
        return 1


def consign():
    return os.path.abspath(os.environ.get("CONSIGN") or TREE / "target/release/consign")


def install(scratch, python, unpacked):
    if not (PROGRAMS / "postgres").exists():
        # The package would start a cluster of its own, which nobody here asks for.
        conf = Path("/etc/postgresql-common/createcluster.conf")
        if not conf.exists():
            conf.parent.mkdir(parents=True, exist_ok=True)
            conf.write_text("create_main_cluster = false\n")
        apt("install", "--yes", "--no-install-recommends", "postgresql-15")
    # Debian's own Python: PostgreSQL's user has to be able to run what it runs.
    if run("/usr/bin/python3", "-c", "import ensurepip, venv", check=False).returncode:
        apt("install", "--yes", "--no-install-recommends", "python3", "python3-venv")
    run("/usr/bin/python3", "-m", "venv", scratch / "python")
    pip = [scratch / "python/bin/pip", "install", "--disable-pip-version-check", "--quiet"]
    run(*pip, "--requirement", TREE / "examples/python/requirements.txt", *python)
    if unpacked:
        packages = scratch / "packages"
        packages.mkdir()
        apt("download", *unpacked, cwd=packages)
        for package in packages.glob("*.deb"):
            run("dpkg", "-x", package, scratch / "unpacked")


def apt(*arguments, cwd="/"):
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", *arguments]
    if run(*command, cwd=cwd, check=False).returncode:
        run("apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", "update")
        run(*command, cwd=cwd)


def run(*command, check=True, user=None, cwd="/"):
    """A command that is waited for, with what it said in `stdout`."""
    command = as_user(user) + [str(it) for it in command]
    return subprocess.run(
        command, check=check, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def as_user(user):
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []


def start(log, *command, user=None, inside=None, env=None):
    """A program that goes on, its words in `log`; `inside` is a process whose network it has."""
    enter = ["nsenter", f"--target={inside}", "--net"] if inside else []
    with open(log, "ab") as words:
        return subprocess.Popen(
            enter + as_user(user) + [str(it) for it in command],
            cwd="/", stdin=subprocess.DEVNULL, stdout=words, stderr=words, env={**os.environ, "TZ": "UTC", **(env or {})},
        )


def tails(scratch):
    for log in sorted(scratch.rglob("*.log")):
        lines = log.read_text(errors="replace").splitlines()
        print(f"--- {log.name}")
        print("\n".join(it[:250] for it in lines[-8:]))


def until(what, seconds, look):
    """What `look` gives, as soon as that is something."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise Failed(f"{what} took more than {seconds} s")


def say(text):
    print(text, flush=True)


# --- PostgreSQL


class Cluster:
    """A PostgreSQL on a port of its own."""

    def __init__(self, scratch, name, port):
        self.folder, self.log, self.port = scratch / name, scratch / f"{name}.log", port
        self.address = f"postgres://postgres@127.0.0.1:{port}/consign"
        self.log.touch()
        shutil.chown(self.log, "postgres", "postgres")

    def init(self):
        as_postgres("initdb", f"--pgdata={self.folder}", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        self.configure()
        self.start()

    def configure(self, settings=""):
        ours = f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n{settings}"
        with open(self.folder / "postgresql.auto.conf", "a", encoding="utf-8") as conf:
            conf.write(ours)

    def start(self):
        as_postgres("pg_ctl", f"--pgdata={self.folder}", f"--log={self.log}", "--wait", "--timeout=60", "start")

    def stop(self):
        as_postgres("pg_ctl", f"--pgdata={self.folder}", "--mode=fast", "--wait", "stop")

    def ask(self, sql, database="consign"):
        address = f"postgres://postgres@127.0.0.1:{self.port}/{database}"
        return as_postgres("psql", "--no-psqlrc", "--tuples-only", "--no-align", f"--dbname={address}", "-c", sql).strip()


def as_postgres(program, *arguments):
    ended = run(PROGRAMS / program, *arguments, user="postgres", check=False)
    if ended.returncode:
        raise Failed(f"{program} gave exit code {ended.returncode}: {ended.stdout}")
    return ended.stdout


# --- Consign


class Server:
    """A consign process on a database."""

    def __init__(self, scratch, name, port, database, data, program=None):
        self.name, self.address, self.log = name, f"127.0.0.1:{port}", scratch / f"{name}.log"
        self.program = program or consign()
        self.process = start(
            self.log, self.program, "serve", "--listen", self.address, "--database-url", database, "--data-dir", data
        )

    def is_up(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.name} left with exit code {self.process.returncode}")
        return run(self.program, "healthcheck", "--target", self.address, check=False).returncode == 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(20):
            raise Failed(f"{self.name} stopped with exit code {self.process.returncode}")

    def panics(self):
        return self.log.read_text(errors="replace").count("panicked")


def check_is_clean(database, program=None):
    said = run(program or consign(), "check", "--database-url", database, check=False)
    if said.returncode:
        raise Failed(f"`consign check` gave exit code {said.returncode}:\n{said.stdout}")
    laws = said.stdout.count("holds ")
    return f"`consign check`: clean, {laws} laws hold"


class Api:
    """Stubs for one server."""

    def __init__(self, address):
        import grpc

        if str(TREE / "proto") not in sys.path:
            sys.path.insert(0, str(TREE / "proto"))
        self.grpc = grpc
        self.common = grpc.protos("consign/v1/common.proto")
        self.money = grpc.protos("google/type/money.proto")
        self.inventory, stock = grpc.protos_and_services("consign/v1/inventory.proto")
        self.orders, ordering = grpc.protos_and_services("consign/v1/order.proto")
        self.billing, paying = grpc.protos_and_services("consign/v1/billing.proto")
        self.channel = grpc.insecure_channel(address)
        self.stock = stock.InventoryServiceStub(self.channel)
        self.ordering = ordering.OrderServiceStub(self.channel)
        self.paying = paying.BillingServiceStub(self.channel)

    def all_orders(self):
        token = ""
        while True:
            page = self.ordering.ListOrders(self.orders.ListOrdersRequest(page_size=200, page_token=token))
            yield from page.orders
            token = page.next_page_token
            if not token:
                return


ACTOR = [("consign-actor", "drill")]
SKU, LOCATION = "MUG", "BERLIN"


def stock_up(address):
    """A product, and more of it than any drill sells."""
    api = Api(address)
    price = api.money.Money(currency_code="EUR", units=12, nanos=500_000_000)
    product = api.inventory.Product(sku=SKU, name="Coffee mug", unit_price=price)
    shelf = api.inventory.StockLocation(location=LOCATION, name="Berlin", region="EUROPE", country="DE")
    api.stock.CreateProduct(api.inventory.CreateProductRequest(product=product), metadata=ACTOR)
    api.stock.CreateStockLocation(
        api.inventory.CreateStockLocationRequest(stock_location=shelf), metadata=ACTOR
    )
    api.stock.ReceiveStock(
        api.inventory.ReceiveStockRequest(sku=SKU, location=LOCATION, quantity=1_000_000), metadata=ACTOR
    )


class Kept:
    """What was acknowledged of an order: its id, number and quantity, and of its payment; at which times of day."""

    def __init__(self, order, quantity, at):
        self.id, self.number, self.quantity, self.at = order.id, order.number, quantity, at
        self.pays, self.payment, self.paid_at = False, None, None


class Load:
    """Callers that place orders and pay every other one, each call with a request id, again and again at the next
    server until it is acknowledged."""

    def __init__(self, addresses, callers=6, a_second_each=8, prefix="drill"):
        self.addresses, self.pause, self.prefix = addresses, 1 / a_second_each, prefix
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.kept, self.sent, self.repeats, self.surprises = {}, set(), {}, []
        # Of each acknowledged order: when the call was sent that was answered, and when the answer came.
        self.answers = []
        self.threads = [threading.Thread(target=self.work, args=(it,), daemon=True) for it in range(callers)]
        for thread in self.threads:
            thread.start()

    def stop(self, seconds=60):
        self.stopping.set()
        ends = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0, ends - time.monotonic()))
        if any(it.is_alive() for it in self.threads):
            raise Failed(f"calls were not acknowledged within {seconds} s")

    def work(self, caller):
        apis = [Api(it) for it in self.addresses]
        turn, nth = caller, 0
        while not self.stopping.is_set():
            nth += 1
            reference = f"{self.prefix}-{caller}-{nth:06}"
            quantity = 1 + nth % 5
            with self.lock:
                self.sent.add(reference)
            turn, (sent_at, order) = self.acknowledged(turn, lambda it: it.create(reference, quantity), apis)
            now = time.time()
            kept = Kept(order, quantity, now)
            with self.lock:
                self.kept[reference] = kept
                self.answers.append((sent_at, now))
            if nth % 2:
                kept.pays = True
                turn, (_, payment) = self.acknowledged(turn, lambda it: it.pay(order.id, reference), apis)
                if not payment.in_flight:
                    kept.payment, kept.paid_at = payment.id, time.time()
            self.stopping.wait(self.pause)

    def acknowledged(self, turn, call, apis):
        while True:
            at = time.time()
            try:
                return turn, (at, call(Caller(apis[turn % len(apis)])))
            except apis[0].grpc.RpcError as error:
                code = error.code().name
                with self.lock:
                    self.repeats[code] = self.repeats.get(code, 0) + 1
                    if code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "RESOURCE_EXHAUSTED"):
                        server = self.addresses[turn % len(apis)]
                        self.surprises.append(f"{server} at {time.strftime('%H:%M:%S')}: {code}: {error.details()}")
                turn += 1
                time.sleep(0.1)

    def first_answer_after(self, moment):
        """When the first call was acknowledged that was sent after a moment."""
        with self.lock:
            answered = [at for sent, at in self.answers[-20_000:] if sent > moment]
        return min(answered, default=None)


class Caller:
    def __init__(self, api):
        self.api = api

    def create(self, reference, quantity):
        api = self.api
        draft = api.orders.OrderDraft(
            channel=api.common.CHANNEL_ONLINE,
            customer=api.common.Customer(name=f"Ada {reference}", email=f"{reference}@example.com"),
            shipping_address=api.common.Address(
                street=["Invalidenstraße 117"], city="Berlin", postal_code="10115", country="DE"
            ),
            currency="EUR",
            lines=[api.orders.OrderLineDraft(sku=SKU, quantity=quantity)],
            special_instructions=reference,
        )
        create = api.orders.CreateOrderRequest(order=draft, request_id=f"order-{reference}")
        return api.ordering.CreateOrder(create, metadata=ACTOR, timeout=12).order

    def pay(self, order, reference):
        # Of every other payment the first answer is lost: it is in flight for a while.
        token = "tok_timeout" if int(reference[-6:]) % 4 == 1 else "tok_success"
        capture = self.api.billing.CapturePaymentRequest(
            order_id=order,
            method=self.api.common.PAYMENT_METHOD_CARD,
            token=token,
            request_id=f"payment-{reference}",
        )
        return self.api.paying.CapturePayment(capture, metadata=ACTOR, timeout=12).payment


def every_order_is_there_once(address, load, before=None):
    """Each acknowledged order, up to a time of day if one is given, is there once with its content and payment; what was
    not acknowledged is there once at most."""
    api, there = Api(address), {}
    for order in api.all_orders():
        if there.setdefault(order.special_instructions, order) is not order:
            raise Failed(f"{order.special_instructions} is there twice: {order.number} and another")
    wrong = [it for it in there if it not in load.sent]
    for reference, kept in load.kept.items():
        if before and kept.at >= before:
            continue
        order = there.get(reference)
        if order is None:
            wrong.append(f"{reference}, number {kept.number}: lost")
            continue
        found = (order.id, order.number, order.customer.email, [(it.sku, it.quantity) for it in order.lines])
        if found != (kept.id, kept.number, f"{reference}@example.com", [(SKU, kept.quantity)]):
            wrong.append(f"{reference} is another: {found}")
        paid = kept.payment and not (before and kept.paid_at >= before)
        if paid and order.payment_status != api.orders.PAYMENT_STATUS_PAID:
            wrong.append(f"{reference}: its payment {kept.payment} is lost")
    if wrong:
        raise Failed(f"{len(wrong)} orders are not as acknowledged: " + "; ".join(wrong[:5]))
    return there


# --- What reached the world


def charges(data):
    """Of each key of the sandbox's ledger: how often it was asked, and how often money moved."""
    asked, moved = {}, {}
    for line in (data / "sandbox-payments").read_text().splitlines():
        entry = json.loads(line)
        key = entry["key"]
        asked[key] = asked.get(key, 0) + 1
        if (entry.get("word") or {}).get("DONE"):
            moved[key] = moved.get(key, 0) + 1
    return asked, moved


def letters(data):
    """The letters in the folder by their Message-IDs, each with all its copies."""
    found = {}
    for path in sorted((data / "messages").glob("msg_*.mbox")):
        for letter in mailbox.mbox(path, create=False):
            found.setdefault(letter["Message-ID"], []).append(letter.as_bytes())
    return found
