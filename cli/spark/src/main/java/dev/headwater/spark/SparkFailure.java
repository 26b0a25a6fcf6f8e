package dev.headwater.spark;

import dev.headwater.engine.HeadwaterException;

/** Spark could not do what it was asked to, told in one sentence; its log says more. */
final class SparkFailure extends HeadwaterException {
    private static final long serialVersionUID = 1;
    private static final int LONGEST = 240;

    private SparkFailure(String message, Throwable cause) {
        super(message, cause);
    }

    /** @param version of the driver's Spark */
    static SparkFailure of(Throwable failure, String master, String version) {
        return new SparkFailure(sentence(chain(failure), master, version), failure);
    }

    /** What all of the causes say. */
    private static String chain(Throwable failure) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            text.append(cause).append('\n');
        }
        return text.toString();
    }

    static String sentence(String said, String master, String version) {
        if (said.contains("UnsupportedClassVersionError")) {
            return "A worker runs an older Java than 25; give it one, or name it with --conf spark.executorEnv.JAVA_HOME=DIR";
        }
        if (said.contains("InvalidClassException") || said.contains("local class incompatible")) {
            return "The workers do not have the driver's Spark, " + version + "; all must have the same";
        }
        if (said.contains("All masters are unresponsive")) {
            return "The master " + master + " does not take the batch: it is gone, or it is not Spark " + version
                    + " as the driver is";
        }
        if (said.contains("ExecutorLostFailure")) {
            return "Executors were lost time and again at the same lines; if their machines ran out of memory, give them fewer at a time (--together, --memory)";
        }
        if (said.contains("Master removed our application") || said.contains("stopped SparkContext")) {
            return "The cluster ended the batch, as its executors did not start or were lost too often";
        }
        String first = said.lines().findFirst().orElse("").replaceFirst("^[\\w.$]+(Exception|Error): ", "");
        return "Spark failed: " + (first.length() <= LONGEST ? first : first.substring(0, LONGEST) + "…");
    }

    /** The version of Spark in this process. */
    static String version() {
        return org.apache.spark.package$.MODULE$.SPARK_VERSION();
    }
}
