package dev.headwater.explorer;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** Someone else saved first: 412, with what is there now. */
final class StaleVersion extends RuntimeException {
    private final String version;
    private final transient ObjectNode qParams;

    StaleVersion(String name, String version, ObjectNode qParams) {
        super(
                "The annotations of " + name
                        + " have changed since you read them: take them over, or save yours over them.",
                null,
                false,
                false);
        this.version = version;
        this.qParams = qParams;
    }

    String version() {
        return version;
    }

    ObjectNode qParams() {
        return qParams;
    }
}
