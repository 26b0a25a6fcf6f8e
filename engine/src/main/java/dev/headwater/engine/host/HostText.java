package dev.headwater.engine.host;

import dev.headwater.engine.UsageException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** Texts that hosts give: UTF-8, and nothing that only looks like it. */
final class HostText {
    private HostText() {}

    /**
     * @param what what it is, at the beginning of a sentence
     * @throws UsageException if the bytes are not UTF-8
     */
    static String read(String what, byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        var decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        try {
            return decoder.decode(in).toString();
        } catch (CharacterCodingException e) {
            throw new UsageException(what + " is not UTF-8: byte " + in.position() + " of " + bytes.length
                    + " begins no character; encode it as UTF-8");
        }
    }
}
