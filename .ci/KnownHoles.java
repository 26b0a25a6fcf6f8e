import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Compares the bill of materials with the list of known holes: {@code java .ci/KnownHoles.java target/bom.xml}. Fails if
 * something that is delivered has a hole for which nobody has said why it does not concern us.
 */
public final class KnownHoles {
    /** From one version on, up to one that has it no more, or the last that has it, or all. */
    private static final Pattern RANGE = Pattern.compile("\\[([^,]+),([^)\\]]*)([)\\]])");
    /** What comes inside a package: + name version | in package version. */
    private static final Pattern INSIDE = Pattern.compile("\\+ (\\S+) (\\S+) \\| in (\\S+) (\\S+)");

    private static final int DAYS = 100;

    public static void main(String[] args) throws Exception {
        Map<String, String> packages = packages(Path.of(args[0]));
        // Native code comes as jars that are no dependencies of Maven's.
        Matcher libtorch = Pattern.compile("<libtorch.version>([0-9.]+)").matcher(Files.readString(Path.of("pom.xml")));
        if (libtorch.find()) {
            packages.put("pip:torch", libtorch.group(1));
        }
        List<String> open = new ArrayList<>();
        int holes = 0;
        for (String line : Files.readAllLines(Path.of(".ci/known-holes.txt"))) {
            if (line.startsWith("# looked up: ")) {
                LocalDate day =
                        LocalDate.parse(line.substring("# looked up: ".length()).strip());
                if (day.plusDays(DAYS).isBefore(LocalDate.now())) {
                    System.out.println("The list of known holes is of " + day + ": look the packages up again.");
                }
            }
            Matcher inside = INSIDE.matcher(line);
            if (inside.matches()) {
                String version = packages.get(inside.group(3));
                if (!inside.group(4).equals(version)) {
                    open.add("Say in .ci/known-holes.txt what " + inside.group(3) + " " + version + " has inside; "
                            + inside.group(4) + " had " + inside.group(1));
                }
                packages.put(inside.group(1), inside.group(2));
            }
            if (line.isBlank() || line.startsWith("#") || line.startsWith("+")) {
                continue;
            }
            holes++;
            String[] cells = line.split("\\|");
            String version = packages.get(cells[0].strip());
            if (version == null || !isIn(version, cells[1])) {
                continue;
            }
            String what = cells[0].strip() + " " + version + ": " + cells[2].strip() + ", " + cells[3].strip();
            if (cells.length > 4 && !cells[4].isBlank()) {
                System.out.println("Known, and no concern: " + what + " (" + cells[4].strip() + ")");
            } else {
                open.add(what);
            }
        }
        System.out.printf("%d packages, %d known holes looked for, %d found%n", packages.size(), holes, open.size());
        open.forEach(System.out::println);
        if (packages.size() < 10 || holes == 0) {
            throw new IllegalStateException("the bill of materials or the list of holes is not whole");
        }
        System.exit(open.isEmpty() ? 0 : 1);
    }

    private static Map<String, String> packages(Path bom) throws Exception {
        Map<String, String> packages = new TreeMap<>();
        NodeList components = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(bom.toFile())
                .getElementsByTagName("component");
        for (int i = 0; i < components.getLength(); i++) {
            Element component = (Element) components.item(i);
            packages.put(text(component, "group") + ":" + text(component, "name"), text(component, "version"));
        }
        return packages;
    }

    private static String text(Element element, String name) {
        NodeList found = element.getElementsByTagName(name);
        return found.getLength() == 0 ? "" : found.item(0).getTextContent().strip();
    }

    private static boolean isIn(String version, String ranges) {
        Matcher range = RANGE.matcher(ranges);
        while (range.find()) {
            String end = range.group(2);
            boolean before = end.isEmpty()
                    || compare(version, end) < 0
                    || range.group(3).equals("]") && compare(version, end) == 0;
            if (before && compare(version, range.group(1)) >= 0) {
                return true;
            }
        }
        return false;
    }

    private static int compare(String left, String right) {
        String[] a = left.split("[.-]");
        String[] b = right.split("[.-]");
        for (int i = 0; i < Math.max(a.length, b.length); i++) {
            int order = Long.compare(number(a, i), number(b, i));
            if (order != 0) {
                return order;
            }
        }
        return 0;
    }

    private static long number(String[] parts, int i) {
        return i < parts.length && parts[i].matches("\\d{1,9}") ? Long.parseLong(parts[i]) : 0;
    }
}
