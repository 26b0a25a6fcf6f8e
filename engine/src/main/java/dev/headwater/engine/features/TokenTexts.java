package dev.headwater.engine.features;

import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.SerializedString;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.tokens.Tokenizer;
import java.util.concurrent.atomic.AtomicReferenceArray;

/** Tokens' texts as JSON, decoded and escaped once each: records repeat them by the thousand. Usable from any thread. */
final class TokenTexts {
    private final Tokenizer tokenizer;
    private final AtomicReferenceArray<SerializableString> known;

    TokenTexts(ReplacementModel model) {
        tokenizer = model.tokenizer();
        known = new AtomicReferenceArray<>(model.vocabularySize());
    }

    SerializableString of(int token) {
        SerializableString text = known.get(token);
        if (text == null) {
            text = new SerializedString(tokenizer.token(token));
            known.set(token, text);
        }
        return text;
    }
}
