package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.logging.Level;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.openqa.selenium.By;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.JavascriptException;
import org.openqa.selenium.Keys;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;

/**
 * A real Chromium, as Debian's packages chromium and chromium-driver bring it. Where there is none the tests fail, unless they are told
 * to pass the page over ({@code -Dheadwater.browser=none}). What the page logs and what it asks the network for is kept, to be looked
 * at after each test.
 */
final class Browser implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Path SCREENSHOTS = Path.of("target", "screenshots");

    private final ChromeDriver driver;
    private final Path downloads;
    private String origin = "";

    private Browser(ChromeDriver driver, Path downloads) {
        this.driver = driver;
        this.downloads = downloads;
    }

    static Browser start(Path scratch) throws IOException {
        Assumptions.assumeFalse("none".equals(System.getProperty("headwater.browser")), "told to do without a browser");
        Optional<Path> chromium = onPath("chromium", "chromium-browser", "google-chrome", "chrome");
        Optional<Path> chromedriver = onPath("chromedriver");
        if (chromium.isEmpty() || chromedriver.isEmpty()) {
            throw new AssertionError(
                    "The page's tests need Chromium and its driver on the PATH: apt-get install chromium chromium-driver; "
                            + "-Dheadwater.browser=none leaves them out.");
        }
        java.util.logging.Logger.getLogger("org.openqa.selenium").setLevel(Level.SEVERE);
        Path profile = Files.createDirectories(scratch.resolve("profile"));
        Path downloads = Files.createDirectories(scratch.resolve("downloads"));
        ChromeOptions options = new ChromeOptions();
        options.setBinary(chromium.get().toFile());
        options.addArguments(
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--user-data-dir=" + profile.toAbsolutePath());
        LoggingPreferences logs = new LoggingPreferences();
        logs.enable(LogType.BROWSER, Level.ALL);
        logs.enable(LogType.PERFORMANCE, Level.ALL);
        options.setCapability("goog:loggingPrefs", logs);
        System.setProperty(
                "webdriver.chrome.driver",
                chromedriver.get().toString()); // so that Selenium looks for none on the network
        ChromeDriver driver = new ChromeDriver(options);
        driver.manage().timeouts().scriptTimeout(Duration.ofSeconds(60));
        driver.executeCdpCommand(
                "Browser.setDownloadBehavior",
                Map.of(
                        "behavior",
                        "allow",
                        "downloadPath",
                        downloads.toAbsolutePath().toString()));
        Browser browser = new Browser(driver, downloads);
        browser.size(1440, 1000);
        return browser;
    }

    private static Optional<Path> onPath(String... names) {
        return Arrays.stream(names)
                .flatMap(name -> Stream.of(
                                System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                        .map(folder -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst();
    }

    void size(int width, int height) {
        driver.executeCdpCommand("Emulation.clearDeviceMetricsOverride", Map.of());
        driver.manage().window().setSize(new Dimension(width, height));
    }

    /** The width of the page itself, also below what a window can be made. */
    void width(int width, int height) {
        driver.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
    }

    void prefer(String scheme) {
        driver.executeCdpCommand(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
    }

    /** Opens an address anew, also if only its part behind # differs, and waits for its graph. */
    void open(String address) {
        load(address);
        await("a graph", () -> (Boolean) js(
                "return globalThis.headwater?.store.state.graph != null && !document.body.classList.contains('busy')"));
        await(
                "its labels and paint",
                () -> (Boolean)
                        js(
                                "return headwater.graphView.edgesAt !== undefined && (headwater.store.state.labelled > 0 || !headwater.source.live)"));
        await("its evidence", () -> (Boolean) js("return !document.querySelector('.loading')"));
    }

    /** So that a page's last save does not meet the next test's files. */
    void leave() {
        driver.get("about:blank");
        pause(150);
    }

    void load(String address) {
        driver.get("about:blank");
        if (!address.startsWith("file:")) {
            origin = address.replaceFirst("^(\\w+://[^/]+).*", "$1");
        }
        driver.get(address);
    }

    Object js(String script, Object... arguments) {
        return driver.executeScript(script, arguments);
    }

    /** Runs a script that may await; its value as JSON. */
    JsonNode run(String script, Object... arguments) {
        Object value = driver.executeAsyncScript(
                "const done = arguments[arguments.length - 1]; const args = Array.from(arguments).slice(0, -1);"
                        + "(async () => {" + script
                        + "})().then(value => done(JSON.stringify(value === undefined ? null : value)), error => done(JSON.stringify({thrown: String(error && error.stack || error)})));",
                arguments);
        JsonNode json = Json.parse(((String) value).getBytes(StandardCharsets.UTF_8), JsonNode.class);
        assertTrue(!json.has("thrown"), json.toString());
        return json;
    }

    WebElement find(String css) {
        return await(
                css,
                () -> driver.findElements(By.cssSelector(css)).stream()
                        .findFirst()
                        .orElse(null));
    }

    List<WebElement> all(String css) {
        return driver.findElements(By.cssSelector(css));
    }

    WebElement withText(String css, String text) {
        return await(
                css + " with " + text,
                () -> all(css).stream()
                        .filter(element -> element.getText().contains(text))
                        .findFirst()
                        .orElse(null));
    }

    /** The texts of all that match now, in one go. */
    List<String> texts(String css) {
        return ((List<?>) js("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", css))
                .stream().map(String::valueOf).toList();
    }

    boolean shows(String css) {
        return all(css).stream().anyMatch(WebElement::isDisplayed);
    }

    String text(String css) {
        return await("text of " + css, () -> find(css).getText());
    }

    void click(String css) {
        await("to click " + css, () -> {
            find(css).click();
            return true;
        });
    }

    void clickText(String css, String text) {
        await("to click " + css + " with " + text, () -> {
            withText(css, text).click();
            return true;
        });
    }

    void type(String css, CharSequence... keys) {
        find(css).sendKeys(keys);
    }

    void keys(CharSequence... keys) {
        new Actions(driver).sendKeys(keys).perform();
    }

    Actions actions() {
        return new Actions(driver);
    }

    /** A slider or number, as if it had been moved there. */
    void set(String css, double value) {
        js(
                "const e = document.querySelector(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('input', {bubbles: true})); e.dispatchEvent(new Event('change', {bubbles: true}));",
                css,
                value);
    }

    /** Puts the pointer on a node of the main graph. */
    Actions overNode(String id) {
        List<?> at = (List<?>) js(
                "const v = headwater.graphView; v.reveal(v.props.graph.node(arguments[0]).index); const [x, y] = v.locate(v.props.graph.node(arguments[0]).index), box = v.plot.getBoundingClientRect(); return [Math.round(box.left + x), Math.round(box.top + y)]",
                id);
        return new Actions(driver).moveToLocation(((Number) at.get(0)).intValue(), ((Number) at.get(1)).intValue());
    }

    /** Repeats until it gives something that is neither null nor false. */
    <T> T await(String what, Supplier<T> question) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        RuntimeException last = null;
        do {
            try {
                T answer = question.get();
                if (answer != null && !Boolean.FALSE.equals(answer)) {
                    return answer;
                }
                last = null;
            } catch (StaleElementReferenceException
                    | org.openqa.selenium.ElementNotInteractableException
                    | JavascriptException e) {
                last = e;
            }
            pause(60);
        } while (System.nanoTime() < end);
        throw new AssertionError("waited in vain for " + what, last);
    }

    static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Writes what can be seen to target/screenshots. */
    void screenshot(String name) {
        pause(350);
        try {
            Files.createDirectories(SCREENSHOTS);
            Files.write(SCREENSHOTS.resolve(name + ".png"), driver.getScreenshotAs(OutputType.BYTES));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The file that the last click has brought. */
    Path downloaded(String name) {
        Path file = downloads.resolve(name);
        return await(
                name, () -> Files.exists(file) && !Files.exists(downloads.resolve(name + ".crdownload")) ? file : null);
    }

    void escape() {
        keys(Keys.ESCAPE);
    }

    /** Accessibility rules broken by what is shown now, in axe's words. */
    void assertAccessible(String state) throws IOException {
        try (var axe = Browser.class.getResourceAsStream("/axe.min.js")) {
            js(new String(axe.readAllBytes(), StandardCharsets.UTF_8));
        }
        JsonNode violations = run(
                "const result = await axe.run(document, {resultTypes: ['violations']}); return result.violations.map(v => v.id + ' (' + v.impact + '): ' + v.help + '\\n    ' + v.nodes.map(n => n.target.join(' ') + ' ' + n.html.slice(0, 140) + ' ' + (n.any[0]?.message ?? '')).join('\\n    '))");
        List<String> lines = new ArrayList<>();
        violations.forEach(violation -> lines.add(violation.textValue()));
        assertEquals(List.of(), lines, state);
    }

    /** Fails if the page has complained, or has asked anybody but its server for anything. */
    void assertQuiet() {
        for (LogEntry entry : driver.manage().logs().get(LogType.BROWSER)) {
            assertTrue(entry.getLevel().intValue() < Level.WARNING.intValue(), "the console says " + entry);
        }
        for (LogEntry entry : driver.manage().logs().get(LogType.PERFORMANCE)) {
            JsonNode message = Json.parse(entry.getMessage().getBytes(StandardCharsets.UTF_8), JsonNode.class)
                    .path("message");
            if (message.path("method").asText().equals("Network.requestWillBeSent")) {
                String url = message.at("/params/request/url").asText();
                assertTrue(
                        url.startsWith(origin + "/")
                                || url.startsWith("data:")
                                || url.startsWith("blob:")
                                || url.startsWith("file:")
                                || url.startsWith("chrome"),
                        "a request to " + url);
            }
        }
    }

    /** Lets go of what an expected failure has logged. */
    void forgetLogs() {
        driver.manage().logs().get(LogType.BROWSER);
    }

    @Override
    public void close() {
        driver.quit();
    }
}
