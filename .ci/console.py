"""Looks at the console as people do, in headless Chromium: console.py CONSOLE API SCREENSHOTS

CONSOLE is the operators' port of a server that believes its callers and has orders, such as http://127.0.0.1:50052; API the
address of its API. Each page is looked at as wide as a desk and as narrow as a phone, gone through by keyboard, and its
colours are measured. Then somebody presses buttons, and somebody else's window has to follow by itself. Pictures go to the
folder SCREENSHOTS.
"""

import base64
import shutil
import subprocess
import sys
import time
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

TREE = Path(__file__).parents[1]

# CSS pixels: a desk's screen, and the phone that most people have.
DESK, PHONE = (1280, 900), (390, 844)

# Text against its ground, as WCAG 2.2 asks for at level AA; of large text too, where it asks for less.
CONTRAST_MIN = 4.5

# How long a page may take to change by itself, seconds.
CHANGES_WITHIN = 15

# What of a page cannot be read: ratio of each text's colour to the first ground behind it that is not transparent.
PALE = """
const least = arguments[0];
const rgba = text => { const it = text.match(/[\\d.]+/g).map(Number); return it.length > 3 ? it : [...it, 1]; };
const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
const light = it => { const [r, g, b] = it.slice(0, 3).map(v => v / 255)
  .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const ground = element => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    const colour = rgba(getComputedStyle(at).backgroundColor);
    if (colour[3] > 0) layers.push(colour);
    if (colour[3] === 1) break;
  }
  return layers.reduceRight((below, top) => over(top, below), [255, 255, 255, 1]);
};
const seen = element => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
  getComputedStyle(element).clipPath === 'none';
const found = new Set();
const measure = (element, colour, text) => {
  const below = ground(element), drawn = over(rgba(colour), below);
  const [dark, bright] = [light(drawn), light(below)].sort((a, b) => a - b);
  const ratio = (bright + 0.05) / (dark + 0.05);
  if (ratio < least) found.add(`${ratio.toFixed(2)}: ${element.tagName} "${text.trim().slice(0, 40)}"`);
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const text = texts.currentNode, element = text.parentElement;
  if (!text.data.trim() || ['SCRIPT', 'STYLE', 'NOSCRIPT', 'OPTION'].includes(element.tagName) || !seen(element)) continue;
  if (element.closest('title, desc')) continue;
  const style = getComputedStyle(element);
  measure(element, element.closest('svg') ? style.fill : style.color, text.data);
}
for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea'))
  if (seen(field)) measure(field, getComputedStyle(field).color, field.name);
return [...found];
"""

# What of a page a keyboard has to reach, in the order in which it stands there. Each gets a number.
REACHABLE = """
const all = [...document.querySelectorAll(
  'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')];
const reached = all.filter(it => !it.disabled && it.checkVisibility({ visibilityProperty: true }));
reached.forEach((it, number) => it.dataset.number = number);
window.passed = [];
const name = it => `${it.tagName} "${(it.textContent.trim() || it.name || it.className).slice(0, 40)}"`;
document.addEventListener('focusin', event => {
  const it = event.target, style = getComputedStyle(it), box = it.getBoundingClientRect();
  const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const why = !ring ? 'shows no focus' : !inside ? 'is out of sight when it has the focus' : '';
  passed.push([it.dataset.number ?? null, why && `${name(it)} ${why}`]);
});
document.activeElement.blur();
window.getSelection().removeAllRanges();
return reached.map(name);
"""

# What a reader of the screen could not name, or would be led astray by.
UNNAMED = """
const found = [];
for (const it of document.querySelectorAll('input:not([type=hidden]), select, textarea'))
  if (!it.labels.length && !it.ariaLabel) found.push(`${it.tagName} ${it.name} has no label`);
for (const it of document.querySelectorAll('a[href], button'))
  if (!it.textContent.trim() && !it.ariaLabel) found.push(`${it.outerHTML.slice(0, 80)} has no name`);
for (const it of document.querySelectorAll('svg:not([aria-hidden=true])'))
  if (!it.querySelector('title') || it.getAttribute('role') !== 'img') found.push('a drawing has no title');
const ids = [...document.querySelectorAll('[id]')].map(it => it.id);
for (const id of new Set(ids.filter((it, at) => ids.indexOf(it) !== at))) found.push(`two parts have the id ${id}`);
if (document.querySelectorAll('h1').length !== 1) found.push('it has not one heading');
if (!document.documentElement.lang || !document.title) found.push('it has no language or title');
return found;
"""


class Window:
    """One person's browser."""

    def __init__(self, console):
        options = webdriver.ChromeOptions()
        # Containers give Chromium no sandbox of its own, and little shared memory.
        for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"]:
            options.add_argument(argument)
        options.binary_location = shutil.which("chromium")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)
        self.console = console
        self.sized(DESK)

    def sized(self, size):
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def open(self, path):
        self.driver.get(self.console + path)

    def sign_in(self, name):
        self.open("/console/login")
        self.driver.find_element(By.NAME, "who").send_keys(name, Keys.ENTER)
        self.until(lambda it: it.find_elements(By.CLASS_NAME, "tiles"), "signing in leads to Today")

    def until(self, seen, what, seconds=CHANGES_WITHIN):
        # In between, the page may be another one.
        passing = [StaleElementReferenceException, NoSuchElementException]
        wait = WebDriverWait(self.driver, seconds, 0.1, ignored_exceptions=passing)
        wait.until(seen, f"not so within {seconds} s: {what}")

    def text(self):
        return self.driver.find_element(By.TAG_NAME, "main").text

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def complaints(self):
        """What the browser itself complains of, such as a script or a style that the policy does not let in."""
        return [it["message"] for it in self.driver.get_log("browser") if it["level"] in ("WARNING", "SEVERE")]

    def picture(self, file):
        width, height = self.script("return [innerWidth, Math.min(document.documentElement.scrollHeight, 6000)]")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        taken = self.driver.execute_cdp_cmd(
            "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip, "format": "png"}
        )
        file.write_bytes(base64.b64decode(taken["data"]))


def look(window, path, name, pictures, complains=False):
    """Everything that is wrong with one page. `complains`: the page is an error, and the browser says so."""
    wrong = []
    for size, shape in [(DESK, "desk"), (PHONE, "phone")]:
        window.sized(size)
        window.open(path)
        window.picture(pictures / f"{name}-{shape}.png")
        found = window.script(PALE, CONTRAST_MIN) + window.script(UNNAMED)
        width = window.script("return document.documentElement.scrollWidth")
        if width > size[0]:
            found.append(f"it is {width} pixels wide")
        found += by_keyboard(window)
        wrong += [f"{path} on a {shape}: {it}" for it in found]
    window.sized(DESK)
    complaints = window.complaints()
    return wrong + ([] if complains else [f"{path}: the browser says: {it}" for it in complaints])


def by_keyboard(window):
    """Every link, button and field is reached with the Tab key, in the order of the page, and shows it."""
    names = window.script(REACHABLE)
    keys = webdriver.ActionChains(window.driver, duration=0)
    # Areas that scroll are stops too.
    keys.send_keys(Keys.TAB * (len(names) + 40)).perform()
    passed = window.script("return window.passed")
    wrong = sorted({why for _, why in passed if why})
    numbers = [int(it) for it, _ in passed if it is not None]
    first_round = numbers[: numbers.index(0, 1)] if 0 in numbers[1:] else numbers
    wrong += [f"{names[it]} is not reached by keyboard" for it in range(len(names)) if it not in numbers]
    if first_round != sorted(first_round):
        wrong.append("the keyboard goes through it in another order than the eye")
    return wrong


def pages(window):
    """A page of each kind, with something on it."""
    window.open("/console/orders")
    newest = window.driver.find_element(By.CSS_SELECTOR, "tbody th a").get_attribute("href")
    window.open("/console/orders?filter=state+%3D+CLOSED")
    closed = window.driver.find_element(By.CSS_SELECTOR, "tbody th a").get_attribute("href")
    window.open("/console/messages?filter=")
    letter = window.driver.find_element(By.CSS_SELECTOR, "tbody th a").get_attribute("href")
    path = lambda link: link.removeprefix(window.console)
    return [
        ("/console", "today"),
        ("/console/orders", "orders"),
        (path(newest), "order"),
        (path(closed), "order-closed"),
        ("/console/approvals?filter=", "approvals"),
        ("/console/shipments", "shipments"),
        ("/console/stock", "stock"),
        ("/console/returns?filter=", "returns"),
        ("/console/messages?filter=", "letters"),
        (path(letter), "letter"),
        ("/console/system", "system"),
    ]


def a_button_changes_the_page(window, order):
    window.open(order)
    words = f"seen by two {time.time_ns()}"
    window.driver.find_element(By.NAME, "text").location_once_scrolled_into_view
    note = window.driver.find_element(By.CSS_SELECTOR, "textarea[name=text]")
    note.send_keys(words, Keys.TAB, Keys.ENTER)
    window.until(lambda _: "The note is kept." in window.text() and words in window.text(), "the note is shown")
    return words


def another_window_follows(console, api, window, order):
    other = Window(console)
    try:
        other.sign_in("omar")
        other.open(order)
        # A page that is loaded anew forgets this.
        other.script("window.stays = true")
        words = a_button_changes_the_page(window, order)
        other.until(lambda _: words in other.text(), "the other's note is shown")
        assert other.script("return window.stays"), "the page was loaded anew"

        other.open("/console")
        other.script("window.stays = true")
        before = placed(other)
        subprocess.run(
            [sys.executable, TREE / "examples/python/place_order.py", api], check=True, stdout=subprocess.DEVNULL
        )
        other.until(lambda _: placed(other) > before, "the new order is counted")
        assert other.script("return window.stays"), "the page was loaded anew"
        what_is_being_written_stays(other, window, order)
        return [f"the other window: the browser says: {it}" for it in other.complaints()]
    finally:
        other.driver.quit()


def what_is_being_written_stays(other, window, order):
    other.open(order)
    draft = other.driver.find_element(By.CSS_SELECTOR, "textarea[name=text]")
    draft.send_keys("half a sentence")
    words = a_button_changes_the_page(window, order)
    other.until(lambda _: "changed since" in other.text().lower(), "who writes is told of the change")
    assert draft.get_attribute("value") == "half a sentence", "what was being written is gone"


def placed(window):
    """Read in one go: the page may change in between."""
    return int(window.script("return document.querySelector('.tile .number').textContent"))


def without_scripts(window, order):
    """Pages are whole without any script."""
    window.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        window.open("/console")
        assert "Orders placed today" in window.text()
        a_button_changes_the_page(window, order)
    finally:
        window.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def main(console, api, pictures):
    pictures = Path(pictures)
    pictures.mkdir(parents=True, exist_ok=True)
    window = Window(console)
    try:
        wrong = look(window, "/console/login", "login", pictures)
        window.sign_in("dana")
        kinds = pages(window)
        for path, name in kinds:
            wrong += look(window, path, name, pictures)
        wrong += look(window, "/console/nothing", "nothing", pictures, complains=True)
        print(*wrong, sep="\n", flush=True)
        order = kinds[2][0]
        complaints = another_window_follows(console, api, window, order)
        without_scripts(window, order)
    finally:
        window.driver.quit()
    print(*complaints, sep="\n")
    return 1 if wrong or complaints else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
