"""How heavy the page "Try it" is, and how soon it answers on a slow processor.

Measured in a real browser, for its test and for benchmarks/pages.py.
"""

# times; about a cheap telephone beside a desktop computer
SLOWER = 4
# a fixed piece of work, and its seconds on the quiet processor of benchmarks/pages.json
YARDSTICK = """() => {
    const values = new Float32Array(200_000).map((_, i) => i % 7);
    for (let round = 0; round < 250; round++) {
        let sum = 0;
        for (let i = 0; i < values.length; i++) sum += values[i] * values[values.length - 1 - i];
        values[round] = sum % 7;
    }
}"""
YARDSTICK_SECONDS = 0.085
DIGIT = "#try-choices [aria-label='digit 7']"
# Notes when the words of the verdict change, in milliseconds since the navigation began.  Telling
# them to the console lets us wait without a script of our own, whose time would count as well.
WATCH = """new MutationObserver(() => {
    const words = document.getElementById("try-verdict")?.textContent;
    if (!words || words === window.words) return;
    window.words = words;
    (window.times ??= {})[words] = performance.now();
    console.log(words);
}).observe(document, { subtree: true, childList: true, characterData: true });"""


def downloaded(browser, address):
    """Load the page and use every part; return bytes, as sent, and address of each file."""
    page = browser.new_page()
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    sizes, addresses = [], []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.on("request", lambda request: addresses.append(request.url))
    page.goto(address)
    page.click(DIGIT)
    page.locator("#try-page").scroll_into_view_if_needed()
    page.wait_for_function("tryIt.samples && tryIt.stored.cleaner")
    page.locator("#try-plane").scroll_into_view_if_needed()
    page.wait_for_function("tryIt.stored.decoder")
    page.locator("#try-train").scroll_into_view_if_needed()
    page.wait_for_function("tryIt.digits")
    page.close()
    return sizes, addresses


def thread_clock(page):
    """Return a function that tells for how many seconds the page's main thread has computed so far.

    Whatever else the machine does meanwhile does not count.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def seconds():
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "ThreadTime")

    return seconds


def answer_seconds(browser, address):
    """Yield, load by load, the seconds from the address to the verdict on a chosen digit.

    They come as two summands: the seconds for which the page's main thread computed, on a processor
    SLOWER times slower than one that needs YARDSTICK_SECONDS for the yardstick, and those for which
    it did not.
    The digit is clicked as soon as the page can be seen to work.
    """
    page = _watched_page(browser)
    page.goto(address)
    # where the digit is before there is a verdict, which takes room
    box = page.locator(DIGIT).bounding_box()
    place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.click(DIGIT)
    verdict = page.inner_text("#try-verdict")
    page.context.close()
    while True:
        page = _watched_page(browser)
        clock = thread_clock(page)
        page.mouse.move(*place)  # a hand that waits for the picture
        with page.expect_console_message(_is_invitation):
            page.goto(address, wait_until="commit")
        with page.expect_console_message(_is_score):
            page.mouse.click(*place)
        computed = clock()
        took = page.evaluate("verdict => window.times[verdict]", verdict) / 1000
        begin = clock()
        page.evaluate(YARDSTICK)
        slowness = SLOWER * YARDSTICK_SECONDS / (clock() - begin)
        page.context.close()
        yield slowness * computed, max(0, took - computed)


def _watched_page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 1100})
    context.add_init_script(WATCH)
    return context.new_page()


def _is_invitation(message):
    return message.text.startswith("Draw or choose")


def _is_score(message):
    # the theme talks to the console too
    return message.text.startswith("Score")
