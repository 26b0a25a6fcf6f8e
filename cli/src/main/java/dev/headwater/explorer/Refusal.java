package dev.headwater.explorer;

/** A request that the server answers with an error: an HTTP status and one sentence for the user. */
final class Refusal extends RuntimeException {
    private final int status;
    private final String sentence;

    Refusal(int status, String message) {
        super(message, null, false, false);
        this.status = status;
        sentence = message;
    }

    @Override
    public String getMessage() {
        return sentence;
    }

    int status() {
        return status;
    }
}
