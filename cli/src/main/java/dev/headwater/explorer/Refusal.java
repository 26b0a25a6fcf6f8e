package dev.headwater.explorer;

/** A request that the server answers with an error: an HTTP status and one sentence for the user. */
final class Refusal extends RuntimeException {
    private final int status;

    Refusal(int status, String message) {
        super(message, null, false, false);
        this.status = status;
    }

    int status() {
        return status;
    }
}
