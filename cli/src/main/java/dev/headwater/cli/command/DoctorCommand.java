package dev.headwater.cli.command;

import dev.headwater.bindings.Bf16Product;
import dev.headwater.bindings.CacheDirectory;
import dev.headwater.bindings.Cuda;
import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Kernels;
import dev.headwater.bindings.NativeException;
import dev.headwater.bindings.NativeLibraries;
import dev.headwater.bindings.SelfCheck;
import dev.headwater.bindings.Torch;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.ExitCode;
import dev.headwater.cli.report.Style;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.hub.BundledModel;
import dev.headwater.engine.hub.HubCache;
import dev.headwater.engine.hub.HubSettings;
import dev.headwater.engine.product.ProductTrial;
import dev.headwater.engine.product.Products;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code headwater doctor}: what this installation consists of, and whether it computes what it should. */
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        description = "Show which native libraries, devices and directories are in use, and check that they work.")
public final class DoctorCommand implements Callable<Integer> {
    private static final int LABEL = 14;
    /** Of the matrices on which products are tried. */
    private static final int WIDTH = 768;

    private final Console console;
    private final PrintStream out;
    private final Style style;

    @Option(names = "--quiet", description = "Print only what is wrong.")
    private boolean quiet;

    @Option(
            names = "--deep",
            description =
                    "Also read what is unpacked and what was fetched whole; what was unpacked and is damaged is made anew.")
    private boolean deep;

    public DoctorCommand(Console console) {
        this.console = console;
        out = console.out();
        style = console.style();
    }

    @Override
    public Integer call() {
        line("Headwater", dev.headwater.engine.Version.number());
        line(
                "Java",
                Runtime.version() + " (" + System.getProperty("java.vendor") + ")",
                System.getProperty("java.home"));
        line(
                "system",
                System.getProperty("os.name") + " " + System.getProperty("os.version") + ", "
                        + NativeLibraries.platform());
        line("Java heap", "up to " + Text.bytes(Runtime.getRuntime().maxMemory()));
        directories();
        boolean sound = true;
        if (deep) {
            models();
            sound = fetched();
        }
        try {
            if (deep) {
                madeAnew(
                        "unpacked",
                        NativeLibraries.repair().stream().map(Path::toString).toList());
            }
            libraries();
        } catch (NativeException e) {
            console.err().println(console.errStyle().red("headwater: ") + e.getMessage() + ".");
            return ExitCode.FAILURE;
        }
        boolean passed = check(Device.CPU);
        for (Cuda.Properties device : Cuda.devices()) {
            passed &= check(new Device(Device.Type.CUDA, device.index()));
        }
        return passed && sound ? 0 : ExitCode.FAILURE;
    }

    private void directories() {
        line(
                "cache",
                use(CacheDirectory.headwater()),
                CacheDirectory.headwater().toString());
        Path hub = HubSettings.fromEnvironment().cache();
        line("hub cache", use(hub), hub.toString());
    }

    private void models() {
        for (String name : BundledModel.NAMES) {
            madeAnew(name, BundledModel.repair(name));
        }
    }

    private void madeAnew(String label, List<String> damaged) {
        if (damaged.isEmpty()) {
            line(label, "sound");
        } else {
            out.println(
                    style.bold(Text.pad(label, LABEL)) + "was damaged and is made anew: " + String.join(", ", damaged));
        }
    }

    /** Files of the hub's cache are the user's, and other programs' too: they are named, not removed. */
    private boolean fetched() {
        List<Path> damaged = new HubCache(HubSettings.fromEnvironment().cache()).damaged();
        if (damaged.isEmpty()) {
            line("fetched", "sound");
        }
        for (Path file : damaged) {
            out.println(style.bold(Text.pad("fetched", LABEL)) + style.red("damaged: ") + Text.visible(file.toString())
                    + " (delete it, and fetch again)");
        }
        return damaged.isEmpty();
    }

    private static String use(Path directory) {
        if (!Files.isDirectory(directory)) {
            return "not there yet";
        }
        try (Stream<Path> files = Files.walk(directory)) {
            return Text.bytes(files.filter(Files::isRegularFile)
                    .mapToLong(file -> file.toFile().length())
                    .sum());
        } catch (IOException | UncheckedIOException e) {
            return "can't be read";
        }
    }

    private void libraries() {
        List<NativeLibraries.Library> libraries = NativeLibraries.load();
        for (NativeLibraries.Library library : libraries) {
            line(
                    library.name().equals("headwater_kernels") ? "kernels" : library.name(),
                    (library.version() + " from " + library.origin()).strip(),
                    library.path().toString());
        }
        line("instructions", Kernels.instructionSet());
        products();
        line("threads", Torch.threads() + " of " + Runtime.getRuntime().availableProcessors() + " processors");
        Optional<String> unavailable = Cuda.unavailable();
        if (unavailable.isPresent()) {
            line("CUDA", "none: " + unavailable.get());
            return;
        }
        line(
                "CUDA",
                "runtime " + Cuda.runtimeVersion() + (Kernels.hasCuda() ? "" : "; our kernels are built without it"));
        for (Cuda.Properties device : Cuda.devices()) {
            Cuda.Memory memory = Cuda.memory(new Device(Device.Type.CUDA, device.index()));
            line(
                    "cuda:" + device.index(),
                    device.name() + ", compute capability " + device.major() + "." + device.minor() + ", "
                            + Text.bytes(memory.free()) + " of " + Text.bytes(memory.total()) + " free");
        }
    }

    /** How fast and how exact the ways to compute products are here, and which one {@code --products auto} takes. */
    private void products() {
        line("bf16 units", Bf16Product.units());
        boolean split = Bf16Product.unavailable().isEmpty();
        Map<Products, ProductTrial> trials = ProductTrial.run(
                WIDTH, split ? Products.values() : new Products[] {Products.FLOAT32, Products.BFLOAT16});
        Products chosen = Products.choose(null, DType.F32, Device.CPU);
        trials.forEach((way, trial) -> line(
                way == Products.FLOAT32 ? "products" : "",
                String.format(
                        Locale.ROOT,
                        "%s%s: %.0f GFLOP/s, error %.0e",
                        way,
                        way == chosen ? " (taken)" : "",
                        trial.gflops(),
                        trial.error())));
        Bf16Product.unavailable().ifPresent(reason -> line("", Products.BF16X6 + ": none, " + reason));
    }

    private boolean check(Device device) {
        if (!quiet) {
            out.println();
        }
        boolean passed = true;
        for (SelfCheck.Result result : new SelfCheck(device).run()) {
            passed &= result.passed();
            if (result.passed() && quiet) {
                continue;
            }
            out.println((result.passed() ? style.green("ok    ") : style.red("wrong "))
                    + Text.pad(result.name() + " on " + device, 36)
                    + result.detail());
        }
        return passed;
    }

    private void line(String label, String value) {
        if (!quiet) {
            out.println(style.bold(Text.pad(label, LABEL)) + value);
        }
    }

    private void line(String label, String value, String where) {
        line(label, value);
        if (!quiet) {
            out.println(" ".repeat(LABEL) + style.dim(where));
        }
    }
}
